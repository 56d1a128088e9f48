/** What clients say by POST: one body after the other, in the order in which they arrived, read as fast as the link takes it. */
import type { IncomingMessage } from 'node:http';
import type { Link } from './link.ts';
import type { Links } from './links.ts';

export interface Posts {
  /** `accepted` is called when every byte of the body has been taken; never when the client let go of it. */
  take(link: Link, request: IncomingMessage, accepted: () => void): void;
  /** Stops and resumes reading the body that is being read. */
  setPaused(link: Link, isPaused: boolean): void;
}

interface Waiting {
  readonly request: IncomingMessage;
  readonly accepted: () => void;
}

/** Of one link. */
interface Line {
  readonly waiting: Waiting[];
  isPaused: boolean;
}

export function createPosts(links: Pick<Links, 'onBytes'>): Posts {
  const lines = new WeakMap<Link, Line>();

  function lineOf(link: Link): Line {
    let line = lines.get(link);
    if (!line) {
      line = { waiting: [], isPaused: false };
      lines.set(link, line);
    }
    return line;
  }

  /** Reads the first in line. */
  function read(link: Link, line: Line): void {
    const [first] = line.waiting;
    if (!first) return;
    const { request, accepted } = first;
    let isDone = false;
    const next = (isWhole: boolean) => {
      if (isDone) return;
      isDone = true;
      if (isWhole) accepted();
      line.waiting.shift();
      read(link, line);
    };
    request.on('data', (chunk: Buffer) => links.onBytes(link, chunk));
    request.on('end', () => next(true));
    request.on('close', () => next(false));
    request.on('error', () => next(false));
    if (line.isPaused) request.pause();
    else request.resume();
    if (request.destroyed) next(false);
  }

  return {
    take(link, request, accepted) {
      const line = lineOf(link);
      line.waiting.push({ request, accepted });
      if (line.waiting.length === 1) read(link, line);
      else request.pause();
    },
    setPaused(link, isPaused) {
      const line = lineOf(link);
      line.isPaused = isPaused;
      const request = line.waiting[0]?.request;
      if (isPaused) request?.pause();
      else request?.resume();
    },
  };
}
