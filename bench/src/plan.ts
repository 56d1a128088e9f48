/** Who connects to what is measured, and what is sent: the lines of the load client's plan file. Knows no wire. Format: load/README.md. */

/** Before a connection counts as ready: write `send`, then wait for `expect` in what comes. */
export interface PlanStep {
  readonly send?: string;
  readonly expect?: string;
}

export interface PlanLine {
  /** Default `ws`. `http`: a stream that is read from a plain GET. */
  readonly kind?: 'ws' | 'http';
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly steps?: readonly PlanStep[];
  /** Senders alone. */
  readonly sends?: {
    /** The frame; must hold `MESSAGE_TEXT` once. */
    readonly frame: string;
    /** What tells an acknowledgement in the bytes that come back, and stands nowhere else. */
    readonly ack: string;
    /** Does the connection hear what the others send? */
    readonly hears: boolean;
    /** Does it get its own message's text back, with the acknowledgement or as an event? */
    readonly echoed: boolean;
  };
}

const MARKER_PLACE = '@'.repeat(17);
/** What every message says: 200 bytes, the sending time among them. */
export const MESSAGE_TEXT = MARKER_PLACE.padEnd(200, 'x');

const BETWEEN_STEPS = '\x1d';
const BEFORE_EXPECTED = '\x1f';

export function renderPlan(lines: readonly PlanLine[]): string {
  return lines.map((line) => `${renderLine(line)}\n`).join('');
}

function renderLine({ kind = 'ws', path, headers = {}, steps = [], sends }: PlanLine): string {
  const flags = sends && [...(sends.hears ? ['hears'] : []), ...(sends.echoed ? ['echoed'] : [])].join(',');
  return [
    kind,
    path,
    escaped(
      Object.entries(headers)
        .map(([name, value]) => `${name}: ${value}\r\n`)
        .join(''),
    ),
    steps
      .map(({ send = '', expect }) => escaped(send) + (expect === undefined ? '' : BEFORE_EXPECTED + escaped(expect)))
      .join(BETWEEN_STEPS),
    sends ? escaped(sends.frame) : '',
    sends ? escaped(sends.ack) : '',
    flags ?? '',
  ].join('\t');
}

/** Whatever would end a field or a line, and what other wires put into their frames. */
function escaped(text: string): string {
  return text.replace(
    // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is escaped
    /[\\\x00-\x1f]/g,
    (char) => (char === '\\' ? '\\\\' : `\\x${char.charCodeAt(0).toString(16).padStart(2, '0')}`),
  );
}
