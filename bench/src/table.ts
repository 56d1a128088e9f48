/** Medians over rounds, ratios to the reference, and the table of them. Knows no scenario and no target. */
import type { FigureInfo, Figures } from './scenario.ts';

export function median(list: readonly number[]): number {
  const sorted = [...list].sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? upper) + upper) / 2;
}

/** Figure by figure. */
export function medians(rounds: readonly Figures[]): Figures {
  const names = Object.keys(rounds[0] ?? {});
  return Object.fromEntries(names.map((name) => [name, median(rounds.map((round) => round[name] ?? Number.NaN))]));
}

export interface Column {
  readonly target: string;
  readonly rounds: readonly Figures[];
  /** Its own, by figure, in place of the scenario's. */
  readonly budgets?: Readonly<Record<string, number>> | undefined;
}

/** The first column is the reference: ratios are to it, above 1 where the other is better. */
export function renderTable(infos: Readonly<Record<string, FigureInfo>>, columns: readonly Column[]): string {
  const [reference, ...others] = columns.map(({ rounds, ...column }) => ({
    ...column,
    figures: medians(rounds),
  }));
  const head = ['', reference?.target ?? '', ...others.flatMap(({ target }) => [target, 'ratio', 'budget'])];
  const rows = Object.entries(infos).map(([name, info]) => {
    const plain = reference?.figures[name] ?? Number.NaN;
    const cells = others.flatMap(({ figures, budgets }) => {
      const value = figures[name] ?? Number.NaN;
      const ratio = info.better === 'lower' ? plain / value : value / plain;
      return [
        write(value),
        info.better === 'none' ? '' : `×${write(ratio)}`,
        judge({ ...info, budget: budgets?.[name] ?? info.budget }, value, ratio),
      ];
    });
    return [info.unit ? `${name}, ${info.unit}` : name, write(plain), ...cells];
  });
  return align([head, ...rows]);
}

function judge({ better, budget, ratioBudget }: FigureInfo, value: number, ratio: number): string {
  const bounds: string[] = [];
  let isMet = true;
  if (ratioBudget !== undefined) {
    bounds.push(`≥ ×${ratioBudget}`);
    isMet &&= ratio >= ratioBudget;
  }
  if (budget !== undefined) {
    bounds.push(`${better === 'lower' ? '≤' : '≥'} ${write(budget)}`);
    isMet &&= better === 'lower' ? value <= budget : value >= budget;
  }
  return bounds.length === 0 ? '' : `${bounds.join(', ')} ${isMet ? 'met' : 'MISSED'}`;
}

function write(value: number): string {
  if (!Number.isFinite(value)) return '–';
  if (Math.abs(value) >= 100) return Math.round(value).toLocaleString('en');
  return String(Number(value.toPrecision(3)));
}

function align(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  const pad = (cell: string, column: number) =>
    column === 0 ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0);
  return rows.map((row) => `  ${row.map(pad).join('  ')}`.trimEnd()).join('\n');
}
