/**
 * Frames on their way, shared. What waits for a connection in one turn of the event loop is a pointer into a tree of frames: connections
 * that got the same sequence point at the same node, and its bytes are joined once for all of them. With 1,000 readers of one
 * conversation a turn's traffic is one buffer. Knows no sockets.
 */

/** `reply`: answers its client, never counted or dropped. `signal`: passes; the first to go when a reader is slow. */
export type ChunkUse = 'event' | 'signal' | 'reply';

/** Encoded frames that stay together. */
export interface Chunk {
  readonly bytes: Buffer;
  readonly use: ChunkUse;
  /** Log position of the event, 0 where there is none. */
  readonly position: number;
  /** Goes to several connections: worth remembering in the tree. */
  readonly shared: boolean;
}

export interface RopeNode {
  readonly parent: RopeNode | null;
  /** Null at a root alone. */
  readonly chunk: Chunk | null;
  readonly totalBytes: number;
  readonly eventBytes: number;
  readonly signalBytes: number;
  joined: Buffer | null;
  lastChild: RopeNode | null;
  children: Map<Chunk, RopeNode> | null;
}

export function createRoot(): RopeNode {
  return {
    parent: null,
    chunk: null,
    totalBytes: 0,
    eventBytes: 0,
    signalBytes: 0,
    joined: null,
    lastChild: null,
    children: null,
  };
}

/** The node after `node` and `chunk`: the same one for everybody who comes this way with a shared chunk, a new one otherwise. */
export function nextNode(node: RopeNode, chunk: Chunk): RopeNode {
  if (!chunk.shared) return createNode(node, chunk);
  const last = node.lastChild;
  if (last !== null) {
    if (last.chunk === chunk) return last;
    const known = node.children?.get(chunk);
    if (known) {
      node.lastChild = known;
      return known;
    }
  }
  const next = createNode(node, chunk);
  if (last !== null) {
    node.children ??= new Map([[last.chunk as Chunk, last]]);
    node.children.set(chunk, next);
  }
  node.lastChild = next;
  return next;
}

function createNode(parent: RopeNode, chunk: Chunk): RopeNode {
  const bytes = chunk.bytes.length;
  return {
    parent,
    chunk,
    totalBytes: parent.totalBytes + bytes,
    eventBytes: parent.eventBytes + (chunk.use === 'reply' ? 0 : bytes),
    signalBytes: parent.signalBytes + (chunk.use === 'signal' ? bytes : 0),
    joined: null,
    lastChild: null,
    children: null,
  };
}

/** Everything from the root to the node as one buffer; joined at the first call. Never write into it. */
export function bytesOf(node: RopeNode): Buffer {
  if (node.joined) return node.joined;
  const parent = node.parent;
  if (node.chunk === null) return Buffer.alloc(0);
  if (parent === null || parent.chunk === null) {
    node.joined = node.chunk.bytes;
    return node.joined;
  }
  const bytes = Buffer.allocUnsafe(node.totalBytes);
  for (let at: RopeNode | null = node; at?.chunk; at = at.parent) {
    bytes.set(at.chunk.bytes, at.totalBytes - at.chunk.bytes.length);
  }
  node.joined = bytes;
  return bytes;
}

/** The chunks from the root to the node, in order. */
export function chunksOf(node: RopeNode): Chunk[] {
  const chunks: Chunk[] = [];
  for (let at: RopeNode | null = node; at?.chunk; at = at.parent) chunks.push(at.chunk);
  return chunks.reverse();
}

/** A branch of its own with these chunks, which nobody else will share; null for none. */
export function branchOf(chunks: readonly Chunk[]): RopeNode | null {
  let node = createRoot();
  for (const chunk of chunks) node = createNode(node, chunk);
  return node.chunk ? node : null;
}

/** Cuts a turn's tree, so that a node kept for a slow reader does not keep everybody else's. */
export function forgetChildren(root: RopeNode): void {
  const open = [root];
  for (let node = open.pop(); node; node = open.pop()) {
    if (node.children) open.push(...node.children.values());
    else if (node.lastChild) open.push(node.lastChild);
    node.children = null;
    node.lastChild = null;
  }
}
