/** The known name that somebody probably meant. Knows names, not what they are for. */

/** Null when nothing is near enough to be worth saying. */
export function nearest(name: string, known: readonly string[]): string | null {
  const wanted = name.toLowerCase();
  let best: string | null = null;
  let bestDistance = Math.max(2, Math.floor(wanted.length / 3)) + 1;
  for (const candidate of known) {
    const distance = editDistance(wanted, candidate.toLowerCase());
    if (distance < bestDistance) {
      best = candidate;
      bestDistance = distance;
    }
  }
  return best;
}

/** Insertions, deletions, replacements and swaps of neighbours that turn one text into the other. */
export function editDistance(from: string, to: string): number {
  const rows = from.length + 1;
  const columns = to.length + 1;
  const cells = new Uint16Array(rows * columns);
  const at = (row: number, column: number) => cells[row * columns + column] ?? 0;
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      let cell = row === 0 || column === 0 ? row + column : 0;
      if (row > 0 && column > 0) {
        const same = from[row - 1] === to[column - 1];
        cell = Math.min(at(row - 1, column) + 1, at(row, column - 1) + 1, at(row - 1, column - 1) + (same ? 0 : 1));
        const swapped = row > 1 && column > 1 && from[row - 1] === to[column - 2] && from[row - 2] === to[column - 1];
        if (swapped) cell = Math.min(cell, at(row - 2, column - 2) + 1);
      }
      cells[row * columns + column] = cell;
    }
  }
  return at(rows - 1, columns - 1);
}
