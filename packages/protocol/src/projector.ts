/**
 * Brings events to the connections of one wire by its projection: makes and encodes frames as seldom as the row allows, and pushes the
 * same bytes to everybody. The hot path of fan-out: no await, no closure and no encoding per recipient.
 */
import type { DomainEvent, Log, Lookup } from '@switchboard/core';
import type { Connection } from './connection.ts';
import type { Delivery } from './hub.ts';
import type { Metrics } from './metrics.ts';
import { pushEvent } from './outbox.ts';
import type { Projection, ProjectionRow, VariantKey } from './projection.ts';
import type { Chunk } from './rope.ts';

export interface ProjectorOptions<Frame, Session> {
  readonly protocol: string;
  readonly projection: Projection<Frame, Session>;
  readonly lookup: Lookup;
  /** One frame in one of the adapter's encodings, ready for the transport: called once per frame and encoding. */
  readonly encode: (frame: Frame, encoding: string) => Buffer;
  readonly metrics: Metrics;
  readonly log: Log;
}

export interface Projector<Frame, Session> {
  /** What a mounted adapter's `deliver` is. */
  deliver(deliveries: readonly Delivery[]): void;
  /** The frames of one event for one connection, whatever it asked for: replay, snapshots. */
  frames(event: DomainEvent, connection: Connection<Session>): readonly Frame[];
}

type Row<Frame, Session> = ProjectionRow<DomainEvent, Frame, Session>;

/** Frames of one making, in the encodings asked for so far. */
interface Made<Frame> {
  readonly frames: readonly Frame[];
  readonly chunks: Map<string, Chunk | null>;
  lastEncoding: string | null;
  lastChunk: Chunk | null;
}

export function createProjector<Frame, Session>(options: ProjectorOptions<Frame, Session>): Projector<Frame, Session> {
  const { projection, lookup, encode, metrics, log, protocol } = options;

  // An event of a newer version has no row.
  const rowOf = (event: DomainEvent): Row<Frame, Session> | undefined =>
    projection[event.type] as Row<Frame, Session> | undefined;

  function chunkOf(made: Made<Frame>, encoding: string, event: DomainEvent, shared: boolean): Chunk | null {
    if (made.lastEncoding === encoding) return made.lastChunk;
    let chunk = made.chunks.get(encoding);
    if (chunk === undefined) {
      const encoded = made.frames.map((frame) => encode(frame, encoding));
      chunk =
        encoded.length === 0
          ? null
          : {
              bytes: encoded.length === 1 ? (encoded[0] as Buffer) : Buffer.concat(encoded),
              use: event.transient ? 'signal' : 'event',
              position: event.transient ? 0 : event.position,
              shared,
            };
      made.chunks.set(encoding, chunk);
    }
    made.lastEncoding = encoding;
    made.lastChunk = chunk;
    return chunk;
  }

  function deliverShared(made: Made<Frame>, event: DomainEvent, connections: readonly Connection<Session>[]): void {
    if (made.frames.length === 0) return;
    for (const connection of connections) {
      const chunk = chunkOf(made, connection.encoding, event, true);
      if (chunk) pushEvent(connection.outbox, chunk);
    }
  }

  function deliverOne(row: Row<Frame, Session>, delivery: Delivery<Session>): void {
    const { event, connections } = delivery;
    switch (row.made) {
      case 'dropped':
        return;
      case 'shared':
        deliverShared(newMade(row.frames(event, lookup)), event, connections);
        return;
      case 'variants': {
        const byKey = new Map<VariantKey, Made<Frame>>();
        for (const connection of connections) {
          const key = row.key(connection, event, lookup);
          if (key === null) continue;
          let made = byKey.get(key);
          if (!made) {
            made = newMade(row.frames(event, lookup, key));
            byKey.set(key, made);
          }
          const chunk = chunkOf(made, connection.encoding, event, true);
          if (chunk) pushEvent(connection.outbox, chunk);
        }
        return;
      }
      case 'perViewer':
        for (const connection of connections) {
          const made = newMade(row.frames(event, lookup, connection));
          const chunk = chunkOf(made, connection.encoding, event, false);
          if (chunk) pushEvent(connection.outbox, chunk);
        }
        return;
    }
  }

  return {
    deliver(deliveries) {
      let delivered = 0;
      for (const delivery of deliveries as readonly Delivery<Session>[]) {
        const row = rowOf(delivery.event);
        if (!row || row.made === 'dropped') continue;
        try {
          deliverOne(row, delivery);
          delivered += delivery.connections.length;
        } catch (error) {
          // One event that cannot be said must not keep the others, or the follower, from going on.
          log('error', 'an event could not be projected', {
            protocol,
            type: delivery.event.type,
            error: String(error),
          });
        }
      }
      if (delivered > 0) metrics.delivered(protocol, delivered);
    },

    frames(event, connection) {
      const row = rowOf(event);
      if (!row || row.made === 'dropped') return [];
      if (row.made === 'shared') return row.frames(event, lookup);
      if (row.made === 'perViewer') return row.frames(event, lookup, connection);
      const key = row.key(connection, event, lookup);
      return key === null ? [] : row.frames(event, lookup, key);
    },
  };
}

function newMade<Frame>(frames: readonly Frame[]): Made<Frame> {
  return { frames, chunks: new Map(), lastEncoding: null, lastChunk: null };
}
