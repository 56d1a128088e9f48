import type { Core } from '@switchboard/core';
import { computedUserIds, createNames } from './names.ts';

const OWN = '5b0e6d9f-2f4c-4a77-9a35-7c1f0e2d3c04';

/** Core as far as names ask it: workspace 7 without an id of its own, 8 with one. */
function coreWith(): Core {
  const plain = { id: 7, kind: 'workspace', externalIds: {} };
  const named = { id: 8, kind: 'workspace', externalIds: { workspace: OWN } };
  const queue = { id: 9, kind: 'queue', externalIds: {} };
  const inSpace = (id: number, spaceId: number | null) => ({ id, spaceId, externalIds: {} });
  const spaces = [plain, named, queue];
  const conversations = [inSpace(4711, 7), inSpace(4712, 9), inSpace(4713, null)];
  return {
    spaces: {
      find: async (id: number) => spaces.find((space) => space.id === id) ?? null,
      findByExternalId: async (_namespace: string, id: string) => (id === OWN ? named : null),
    },
    conversations: {
      find: async (id: number) => conversations.find((one) => one.id === id) ?? null,
      findByExternalId: async () => null,
    },
  } as unknown as Core;
}

describe('computed ids', () => {
  it('are those of the document', () => {
    const names = createNames(coreWith(), 'workspace');
    const at = (id: number) => ({ id: id as never, externalIds: {} });
    expect(names.user({ id: 42 as never, identities: {} })).toBe('00000000-0000-8100-8000-00000000002a');
    expect(names.workspace(at(7))).toBe('00000000-0000-8200-8000-000000000007');
    expect(names.channel(at(4711))).toBe('00000000-0000-8300-8000-000000001267');
    expect(computedUserIds.toExternal(1_294_967_295)).toBe('00000000-0000-8100-8000-00004d2fa1ff');
  });

  it('lead back to the thing, and to nothing else', async () => {
    const names = createNames(coreWith(), 'workspace');
    expect(await names.findWorkspace('00000000-0000-8200-8000-000000000007')).toMatchObject({ id: 7 });
    // Known by its own id alone; no workspace; nobody; zero; another type; another digit.
    for (const id of [
      '8200-8000-000000000008',
      '8200-8000-000000000009',
      '8200-8000-000000000063',
      '8200-8000-000000000000',
    ]) {
      expect(await names.findWorkspace(`00000000-0000-${id}`)).toBeNull();
    }
    for (const id of [
      '8100-8000-000000000007',
      '8201-8000-000000000007',
      '8200-8001-000000000007',
      '8200-8000-00000000000g',
    ]) {
      expect(await names.findWorkspace(`00000000-0000-${id}`)).toBeNull();
    }
    expect(await names.findWorkspace(OWN)).toMatchObject({ id: 8 });
  });

  it('name conversations of workspaces only', async () => {
    const names = createNames(coreWith(), 'workspace');
    expect((await names.findChannel('00000000-0000-8300-8000-000000001267'))?.channel.id).toBe(4711);
    expect(await names.findChannel('00000000-0000-8300-8000-000000001268')).toBeNull();
    expect(await names.findChannel('00000000-0000-8300-8000-000000001269')).toBeNull();
  });

  it('are nothing for what is no such id', () => {
    for (const text of ['', OWN, '00000000-0000-8100-8000-00000000002A', '00000000-0000-8100-8000-0000ffffffff0']) {
      expect(computedUserIds.toCore(text)).toBeNull();
    }
  });
});
