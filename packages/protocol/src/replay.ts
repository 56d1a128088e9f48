/**
 * A stream that comes back: the log after its cursor page by page, then the live flow, without gap or repeat. Pages are pulled, so that a
 * slow reader is read for slowly. Knows no wire and no cursor's form.
 */
import type { Core, DeliveredEvent, LogPosition, LogScope } from '@switchboard/core';
import { isInAudience } from './audience.ts';
import type { Connection } from './connection.ts';
import { holdEvents, releaseEvents, whenTaken } from './outbox.ts';

export interface ReplayOptions<Session> {
  readonly core: Pick<Core, 'events' | 'directory'>;
  /** In the hub already, so that live events wait behind the replay from the first moment. */
  readonly connection: Connection<Session>;
  /** What of the log concerns this stream. */
  readonly scope: LogScope;
  /** Exclusive. */
  readonly after: LogPosition;
  /**
   * Writes a page: events that the viewer could see when they happened and that the stream wants, ascending. What it writes by
   * `connection.write` is not counted against the bound.
   */
  readonly write: (events: readonly DeliveredEvent[]) => void;
  /** Default 500. */
  readonly pageSize?: number;
}

/**
 * Resolves with the position where the live flow goes on; from then on the hub's events reach the stream. Ends early when the connection
 * closes. Rejects when the log cannot be read: the caller closes the stream.
 */
export async function replay<Session>(options: ReplayOptions<Session>): Promise<LogPosition> {
  const { core, connection, scope, write, pageSize = 500 } = options;
  let cursor = options.after;
  holdEvents(connection.outbox);
  try {
    // What is live now and later is held; the log must be read up to here, and may be read further.
    const heldFrom = core.events.position;
    while (!connection.closed) {
      const page = await core.events.replay(scope, cursor, pageSize);
      if (connection.closed) break;
      const events = page.events.filter((delivered) => isForStream(delivered, connection, core));
      if (events.length > 0) write(events);
      const isAtEnd = page.through <= cursor && page.events.length === 0;
      cursor = Math.max(cursor, page.through);
      if (isAtEnd || (cursor >= heldFrom && page.events.length < pageSize)) break;
      const taken = whenTaken(connection.outbox);
      if (taken) await taken;
    }
  } finally {
    releaseEvents(connection.outbox, cursor);
  }
  return cursor;
}

function isForStream<Session>(
  delivered: DeliveredEvent,
  connection: Connection<Session>,
  core: Pick<Core, 'directory'>,
): boolean {
  const { viewer } = connection;
  return viewer !== null && isInAudience(delivered, viewer, core.directory) && connection.wants(delivered.event);
}
