/**
 * This process among the others on the same store: shows that it lives, and notices nodes that it does not share a bus with. Those still
 * hear each other's commits through the store, a second late, but no typing, presence or calls.
 */
import type { CorePorts } from './context.ts';
import type { NodeId } from './ids.ts';

export interface NodeWatch {
  start(): Promise<void>;
  close(): Promise<void>;
}

const HEARTBEAT_MS = 5_000;
/** A node whose heartbeat is older is dead. */
export const NODE_ALIVE_MS = 15_000;

export function createNodeWatch(ports: CorePorts): NodeWatch {
  const { store, bus, blobs, clock, nodeId, log, version = '0' } = ports;
  const self = { id: nodeId, startedAt: clock.now(), version };
  /** Seen with another bus at the last beat. A medium that comes back is known to one node before the other: once is nothing. */
  let suspects: ReadonlySet<NodeId> = new Set();
  const warnedOf = new Set<NodeId>();
  const keepsFilesApart = new Set<NodeId>();
  let stop = () => {};
  let beating: Promise<void> | null = null;

  async function beat(): Promise<void> {
    const alive = await store.nodes.heartbeat({ ...self, busId: bus.id }, NODE_ALIVE_MS);
    await warnOfOtherFiles(alive.map(({ id }) => id).filter((id) => id !== nodeId && !keepsFilesApart.has(id)));
    const apart = alive.filter((node) => node.busId !== bus.id && !warnedOf.has(node.id));
    const strangers = apart.filter(({ id }) => suspects.has(id));
    suspects = new Set(apart.map(({ id }) => id));
    if (strangers.length === 0) return;
    for (const { id } of strangers) warnedOf.add(id);
    log(
      'warn',
      'other nodes use the same database and another bus: set REDIS_URL to the same Redis on all of them. Until then messages pass ' +
        'between them a second late, and typing, presence and calls do not pass at all.',
      { nodes: strangers.map(({ id }) => id) },
    );
  }

  async function warnOfOtherFiles(others: readonly NodeId[]): Promise<void> {
    if (others.length === 0 || !blobs.missing) return;
    const apart = await blobs.missing(others).catch(() => []);
    if (apart.length === 0) return;
    for (const id of apart) keepsFilesApart.add(id);
    log(
      'warn',
      'other nodes keep their files in another directory: set FILES_DIR to the same shared directory on all of them.',
      {
        nodes: apart,
      },
    );
  }

  function beatQuietly(): void {
    beating ??= beat()
      .catch((error: unknown) => log('debug', 'the heartbeat did not reach the store', { error: String(error) }))
      .finally(() => {
        beating = null;
      });
  }

  return {
    async start() {
      await beat();
      stop = clock.every(HEARTBEAT_MS, beatQuietly);
    },
    async close() {
      stop();
      await beating;
      await store.nodes.remove(nodeId).catch(() => undefined);
    },
  };
}
