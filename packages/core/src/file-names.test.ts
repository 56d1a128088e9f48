import { extensionOf, safeFileName } from './file-names.ts';

describe('names of files', () => {
  it.each([
    ['report.pdf', 'report.pdf'],
    ['Отчёт за май.docx', 'Отчёт за май.docx'],
    ['../../etc/passwd', 'passwd'],
    ['C:\\Users\\me\\a.txt', 'a.txt'],
    ['..', 'file'],
    ['', 'file'],
    ['a/', 'file'],
    ['\0\r\n', 'file'],
    ['a\r\nSet-Cookie: x.png', 'aSet-Cookie: x.png'],
    ['gpj\u202eexe.jpg', 'gpjexe.jpg'],
    ['.htaccess', 'htaccess'],
    ['name. . ', 'name'],
    ['a\ud800b.png', 'a\ufffdb.png'],
  ])('%j becomes %j', (given, safe) => {
    expect(safeFileName(given)).toBe(safe);
  });

  it('keep their extension when they are cut', () => {
    const name = safeFileName(`${'😀'.repeat(200)}.jpeg`);
    expect(name.length).toBeLessThanOrEqual(200);
    expect(name).toMatch(/^(😀)+\.jpeg$/u);
  });

  it('have an extension of letters and digits, or none', () => {
    expect(['a.JPG', 'a.tar.gz', 'a', '.a', 'a.', 'a.b c', `a.${'x'.repeat(20)}`].map(extensionOf)).toEqual([
      '.JPG',
      '.gz',
      '',
      '',
      '',
      '',
      '',
    ]);
  });
});
