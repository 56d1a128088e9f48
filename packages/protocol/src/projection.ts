/**
 * Domain events to wire frames, as a table: one row for every type of event and signal, so that a new type fails to compile where it
 * has not been answered. Says how often a frame must be made; how it is encoded and written is the projector's.
 */
import type {
  DomainEvent,
  DomainEventType,
  LogEvent,
  LogEventType,
  Lookup,
  Signal,
  SignalType,
} from '@switchboard/core';
import type { Connection } from './connection.ts';

/** The event of a type, lasting or passing. */
export type EventOf<T extends DomainEventType> = T extends LogEventType
  ? LogEvent<T>
  : T extends SignalType
    ? Signal<T>
    : never;

/** Made once for everybody on the wire. */
export interface SharedRow<E, Frame> {
  readonly made: 'shared';
  readonly frames: (event: E, lookup: Lookup) => readonly Frame[];
}

/** Made once per key. */
export interface VariantsRow<E, Frame, Session> {
  readonly made: 'variants';
  readonly key: (connection: Connection<Session>, event: E, lookup: Lookup) => VariantKey | null;
  readonly frames: (event: E, lookup: Lookup, key: VariantKey) => readonly Frame[];
}

/** Made for each reader: only where the wire really differs by reader. */
export interface PerViewerRow<E, Frame, Session> {
  readonly made: 'perViewer';
  readonly frames: (event: E, lookup: Lookup, connection: Connection<Session>) => readonly Frame[];
}

export interface DroppedRow {
  readonly made: 'dropped';
  readonly why: string;
}

export type VariantKey = string | number | boolean;

export type ProjectionRow<E, Frame, Session> =
  | SharedRow<E, Frame>
  | VariantsRow<E, Frame, Session>
  | PerViewerRow<E, Frame, Session>
  | DroppedRow;

/** The whole table. Split by noun with `Pick<Projection<…>, 'message.sent' | …>` and spread together. */
export type Projection<Frame, Session> = {
  readonly [T in DomainEventType]: ProjectionRow<EventOf<T>, Frame, Session>;
};

/** The same frames for everybody on this wire. An empty list says nothing. */
export function shared<E extends DomainEvent, Frame>(
  frames: (event: E, lookup: Lookup) => readonly Frame[],
): SharedRow<E, Frame> {
  return { made: 'shared', frames };
}

/** Few kinds of reader (the author's own streams and all others): made once per key. Key null: nothing for this reader. */
export function variants<E extends DomainEvent, Frame, Session>(
  key: (connection: Connection<Session>, event: E, lookup: Lookup) => VariantKey | null,
  frames: (event: E, lookup: Lookup, key: VariantKey) => readonly Frame[],
): VariantsRow<E, Frame, Session> {
  return { made: 'variants', key, frames };
}

/** Different for each reader: costs a making and an encoding per connection. */
export function perViewer<E extends DomainEvent, Frame, Session>(
  frames: (event: E, lookup: Lookup, connection: Connection<Session>) => readonly Frame[],
): PerViewerRow<E, Frame, Session> {
  return { made: 'perViewer', frames };
}

/** This wire cannot say it. */
export function dropped(why: string): DroppedRow {
  return { made: 'dropped', why };
}
