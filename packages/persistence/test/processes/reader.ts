// reader.ts <connection string>: reads the log as it grows, and says so when whoever has seen an entry has not seen all before it.
import { systemClock } from '@switchboard/core';
import { createPrismaStore } from '../../src/index.ts';
import type { FromReader, ToWriter } from './messages.ts';

const tell = (message: FromReader) => process.send?.(message);
const store = await createPrismaStore({
  connectionString: process.argv[2] ?? '',
  onCommitted: () => undefined,
  clock: systemClock,
  log: () => undefined,
});

let finishing = false;
process.on('message', (message: ToWriter) => {
  if (message.kind === 'finish') finishing = true;
});
process.on('disconnect', () => process.exit());

tell({ kind: 'ready' });
let position = 0;
const newest = new Map<number, { seq: number; id: number }>();
for (let caughtUp = false; !(finishing && caughtUp); ) {
  const slice = await store.log.read(position).catch(() => null);
  if (slice === null) {
    await new Promise((resolve) => setTimeout(resolve, 20));
    continue;
  }
  const expected = slice.through - position;
  if (slice.events.length !== expected) {
    tell({
      kind: 'wrong',
      what: `after ${position} came ${slice.events.length} of ${expected} entries, or one without its message`,
    });
  }
  for (const event of slice.events) {
    if (event.position !== ++position)
      tell({ kind: 'wrong', what: `${event.position} came at the place of ${position}` });
    if (event.type !== 'message.sent') continue;
    const { conversationId, seq, id } = event.message;
    const before = newest.get(conversationId) ?? { seq: 0, id: 0 };
    if (seq !== before.seq + 1 || id <= before.id) {
      tell({ kind: 'wrong', what: `in ${conversationId} came ${id} (${seq}) after ${before.id} (${before.seq})` });
    }
    newest.set(conversationId, { seq, id });
  }
  position = slice.through;
  caughtUp = slice.events.length === 0;
  if (caughtUp) await new Promise((resolve) => setTimeout(resolve, 5));
}
await store.close();
process.send?.({ kind: 'finished', read: position } satisfies FromReader, () => process.exit());
