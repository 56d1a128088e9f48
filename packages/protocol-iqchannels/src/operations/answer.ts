/** What an operation answers, before it is put into an envelope: the result with its `Rels`, and the token that goes into the cookie. */
import type { Builder, Reader, Views } from '../views.ts';
import type { RelsObject } from '../wire/objects.ts';

export interface Answer {
  readonly result: unknown;
  readonly rels: RelsObject;
  /** Carried by `Data` instead of `Result`. */
  readonly data?: unknown;
  /** Of a `ClientAuth`: set as a cookie. */
  readonly token?: string;
  /** The client's own fields beside `Client` and `Session`, for the one call that wants them. */
  readonly isFlat?: boolean;
}

export const NOTHING: Answer = { result: null, rels: {} };

export function plain(result: unknown): Answer {
  return { result, rels: {} };
}

export function data(value: unknown): Answer {
  return { result: null, rels: {}, data: value };
}

export async function built(views: Views, reader: Reader, make: (builder: Builder) => unknown): Promise<Answer> {
  const { value, rels } = await views.build(reader, make);
  return { result: value, rels };
}
