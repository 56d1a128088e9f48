import { parseAccount } from './place.ts';

describe('parseAccount', () => {
  const passwd = 'root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65533:nobody:/:/sbin/nologin\n';

  it('finds a user by its name', () => {
    expect(parseAccount(passwd, 'nobody')).toEqual({ uid: 65534, gid: 65533 });
    expect(parseAccount(passwd, 'nobod')).toBeUndefined();
    expect(parseAccount('', 'nobody')).toBeUndefined();
  });

  it('reads the negative ids of macOS as the system means them', () => {
    expect(parseAccount('nobody:*:-2:-2:Unprivileged User:/var/empty:/usr/bin/false', 'nobody')).toEqual({
      uid: 4294967294,
      gid: 4294967294,
    });
  });

  it('takes nobody for nobody when it is root under another name', () => {
    expect(parseAccount('nobody:x:0:0::/:/bin/sh', 'nobody')).toBeUndefined();
  });
});
