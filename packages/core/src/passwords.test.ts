import crypto from 'node:crypto';
import { createPasswords } from './passwords.ts';
import { systemIds } from './system-clock.ts';

const cost = { logN: 4, r: 8, p: 1 };
const passwords = createPasswords(systemIds, cost);

describe('passwords', () => {
  it('match their own hash alone', async () => {
    const hash = await passwords.hash('pässword');
    expect(await passwords.matches('pässword', hash)).toBe(true);
    expect(await passwords.matches('password', hash)).toBe(false);
    expect(await passwords.matches('', hash)).toBe(false);
    expect(await passwords.hash('pässword')).not.toBe(hash);
  });

  it('are checked with the parameters that their hash carries', async () => {
    const hash = await createPasswords(systemIds, { logN: 5, r: 4, p: 2 }).hash('demo');
    expect(await passwords.matches('demo', hash)).toBe(true);
  });

  it('cost the same work where there is nothing to compare with', async () => {
    const scrypt = jest.spyOn(crypto, 'scrypt');
    for (const hash of [null, '', 'nonsense', await passwords.hash('demo')]) {
      scrypt.mockClear();
      expect(await passwords.matches('wrong', hash)).toBe(false);
      expect(scrypt).toHaveBeenCalledTimes(1);
      expect(scrypt.mock.calls[0]?.[3]).toMatchObject({ N: 16, r: 8, p: 1 });
    }
    scrypt.mockRestore();
  });

  it('are refused when they are empty or endless', async () => {
    await expect(passwords.hash('')).rejects.toMatchObject({ code: 'invalid', details: { field: 'password' } });
    await expect(passwords.hash('x'.repeat(1_025))).rejects.toMatchObject({ code: 'too_large' });
    expect(await passwords.matches('x'.repeat(1_025), await passwords.hash('x'))).toBe(false);
  });

  it('wait for a turn, and are refused when too many wait', async () => {
    const checks = await Promise.allSettled(Array.from({ length: 150 }, () => passwords.matches('x', null)));
    const refused = checks.filter(({ status }) => status === 'rejected');
    expect(refused).toHaveLength(48);
    expect(refused[0]).toMatchObject({ reason: { code: 'rate_limited', details: { retryAfterMs: 1_000 } } });
    expect(await passwords.matches('x', null)).toBe(false);
  });
});
