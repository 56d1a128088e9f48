/**
 * What was applied while something was being loaded: a load shows the log as of its own head, and what came after that head and before
 * the load arrived must be made up for.
 */
import type { LogEvent } from '../events.ts';
import type { LogPosition } from '../ids.ts';

export interface Recorder {
  /** Notes an event that is being applied. Costs nothing while nothing is being loaded. */
  note(event: LogEvent): void;
  /** Runs a load; what it returns sees, through `since`, every event applied while it ran and later than the head it answered. */
  during<T>(position: LogPosition, load: () => Promise<T>): Promise<T>;
  since(head: LogPosition): Iterable<LogEvent>;
}

export function createRecorder(): Recorder {
  const starts: LogPosition[] = [];
  let recent: LogEvent[] = [];

  return {
    note(event) {
      if (starts.length > 0) recent.push(event);
    },
    async during(position, load) {
      starts.push(position);
      try {
        return await load();
      } finally {
        starts.splice(starts.indexOf(position), 1);
        if (starts.length === 0) recent = [];
        else {
          const oldest = Math.min(...starts);
          if (recent.length > 0 && (recent[0]?.position ?? 0) <= oldest) {
            recent = recent.filter((event) => event.position > oldest);
          }
        }
      }
    },
    *since(head) {
      for (const event of recent) if (event.position > head) yield event;
    },
  };
}
