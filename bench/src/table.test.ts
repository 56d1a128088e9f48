import type { FigureInfo } from './scenario.ts';
import { median, medians, renderTable } from './table.ts';

const rate: FigureInfo = { unit: '/s', better: 'higher', ratioBudget: 5 };
const delay: FigureInfo = { unit: 'ms', better: 'lower', budget: 10 };

function row(info: FigureInfo, reference: number, measured: number): string {
  const columns = [
    { target: 'reference', rounds: [{ figure: reference }] },
    { target: 'event', rounds: [{ figure: measured }] },
  ];
  return renderTable({ figure: info }, columns).split('\n')[1] ?? '';
}

describe('the table of results', () => {
  it('takes the middle of the rounds, figure by figure', () => {
    expect(median([9, 1, 5])).toBe(5);
    expect(median([4, 1, 2, 3])).toBe(2.5);
    expect(
      medians([
        { a: 1, b: 9 },
        { a: 2, b: 8 },
        { a: 100, b: 7 },
      ]),
    ).toEqual({ a: 2, b: 8 });
  });

  it('gives ratios above 1 to whoever is better, whichever way is better', () => {
    expect(row(rate, 100, 600)).toContain('×6 ');
    expect(row(delay, 20, 5)).toContain('×4 ');
  });

  it('says whether a budget is met', () => {
    expect(row(rate, 100, 500)).toMatch(/≥ ×5 met$/);
    expect(row(rate, 100, 499)).toMatch(/≥ ×5 MISSED$/);
    expect(row(delay, 1, 10)).toMatch(/≤ 10 met$/);
    expect(row(delay, 1, 10.1)).toMatch(/≤ 10 MISSED$/);
  });

  it('judges nothing that has no budget', () => {
    expect(row({ unit: '%', better: 'none' }, 90, 50)).toBe('  figure, %         90     50');
  });
});
