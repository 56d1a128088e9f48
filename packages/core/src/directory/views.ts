/** The conversations that this node knows, loaded in batches and kept exact by events; who has not been looked at goes first. */
import type { LogEvent } from '../events.ts';
import type { ConversationId, LogPosition } from '../ids.ts';
import type { ConversationStore } from '../ports/conversation-store.ts';
import type { LogStore } from '../ports/log-store.ts';
import { createLoadBatch } from './load-batch.ts';
import type { Recorder } from './recorder.ts';
import { groupSpans } from './spans.ts';
import { applyToView, toView, type View } from './view.ts';

export interface Views {
  /** Null: there is no such conversation. */
  peek(id: ConversationId): View | null | undefined;
  get(id: ConversationId): View | undefined;
  ensure(ids: Iterable<ConversationId>): Promise<void>;
  /** Loads again what is here already. */
  reload(ids: Iterable<ConversationId>): Promise<void>;
  forget(id: ConversationId): void;
  all(): Iterable<View>;
  /** Participants and conversations held. */
  readonly weight: number;
  /** Drops what was not looked at since the last sweep until `most` is reached. */
  sweep(most: number): void;
  clear(): void;
}

export interface ViewsOptions {
  readonly store: Pick<ConversationStore, 'loadViews'>;
  readonly log: Pick<LogStore, 'spansOf'>;
  readonly recorder: Recorder;
  readonly position: () => LogPosition;
}

export function createViews({ store, log, recorder, position }: ViewsOptions): Views {
  const views = new Map<ConversationId, View | null>();
  let weight = 0;
  let epoch = 0;

  const load = createLoadBatch<ConversationId>((ids) =>
    recorder.during(position(), async () => {
      const begun = epoch;
      const from = position() + 1;
      const { head, views: found } = await store.loadViews(ids);
      // Positions that the views are ahead of: who was in then is read from the spans.
      const spans =
        head >= from && found.length > 0
          ? await log.spansOf(
              found.map((view) => view.conversation.id),
              from,
              head,
            )
          : [];
      if (begun !== epoch) return;
      for (const id of ids) put(id, null);
      const past = groupSpans(spans);
      for (const stored of found) {
        const view = toView(stored, head);
        view.past = past.get(stored.conversation.id) ?? [];
        put(stored.conversation.id, view);
      }
      const loaded = new Set(ids);
      for (const event of recorder.since(head)) {
        const id = event.conversationId;
        if (id === null || !loaded.has(id)) continue;
        const view = views.get(id);
        if (view) applyToView(view, event);
        // Made after it was looked for.
        else if (event.type === 'conversation.created') views.delete(id);
      }
    }),
  );

  function put(id: ConversationId, view: View | null): void {
    forget(id);
    views.set(id, view);
    weight += weightOf(view);
  }

  function forget(id: ConversationId): void {
    weight -= weightOf(views.get(id));
    views.delete(id);
  }

  return {
    peek: (id) => views.get(id),
    get(id) {
      const view = views.get(id);
      if (!view) return undefined;
      view.used = true;
      return view;
    },
    async ensure(ids) {
      const missing: ConversationId[] = [];
      for (const id of ids) if (!views.has(id)) missing.push(id);
      if (missing.length > 0) await load(missing);
    },
    reload: load,
    forget,
    *all() {
      for (const view of views.values()) if (view) yield view;
    },
    get weight() {
      return weight;
    },
    sweep(most) {
      if (weight <= most) return;
      for (const [id, view] of views) {
        if (weight <= most) return;
        if (view?.used) view.used = false;
        else forget(id);
      }
    },
    clear() {
      epoch += 1;
      weight = 0;
      views.clear();
    },
  };
}

function weightOf(view: View | null | undefined): number {
  return view === undefined ? 0 : 1 + (view?.participants.size ?? 0);
}

/** An event for the views: a conversation that was looked for before it existed is known from its creation on. */
export function applyToViews(views: Views, event: LogEvent): void {
  if (event.conversationId === null) return;
  const view = views.peek(event.conversationId);
  if (view) applyToView(view, event);
  else if (view === null && event.type === 'conversation.created') views.forget(event.conversationId);
}
