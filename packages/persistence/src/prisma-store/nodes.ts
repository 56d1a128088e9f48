/** Running gateway processes, as they find each other in the store. Outside the log: a heartbeat is no event. */
import type { NodeId, NodeRecord, NodeStore } from '@switchboard/core';
import type { Db } from './db.ts';

interface NodeRow {
  readonly id: NodeId;
  readonly started_at: number;
  readonly heartbeat_at: number;
  readonly bus_id: string;
  readonly version: string;
}

/** Long dead nodes are swept out by whoever is alive. */
const FORGET_AFTER_MS = 24 * 60 * 60 * 1000;

export function createNodeStore(db: Db): NodeStore {
  return {
    async heartbeat(node, aliveMs) {
      // By the store's clock alone: nodes need not agree on the time.
      const rows = await db.$queryRaw<NodeRow[]>`
        with mine as (
          insert into nodes (id, started_at, heartbeat_at, bus_id, version)
          values (${node.id}, to_timestamp(${node.startedAt}::float8 / 1000.0), clock_timestamp(), ${node.busId}, ${node.version})
          on conflict (id) do update set heartbeat_at = clock_timestamp(), bus_id = excluded.bus_id, version = excluded.version
          returning *
        ), forgotten as (
          delete from nodes where heartbeat_at < clock_timestamp() - ${FORGET_AFTER_MS}::float8 * interval '1 ms' and id <> ${node.id}
        ), alive as (
          select * from mine
          union all
          select * from nodes
           where id <> ${node.id} and heartbeat_at > clock_timestamp() - ${aliveMs}::float8 * interval '1 ms'
        )
        select id, (extract(epoch from started_at) * 1000)::float8 as started_at,
               (extract(epoch from heartbeat_at) * 1000)::float8 as heartbeat_at, bus_id, version
          from alive order by started_at, id`;
      return rows.map(toNode);
    },
    async remove(id) {
      await db.$executeRaw`delete from nodes where id = ${id}`;
    },
  };
}

function toNode(row: NodeRow): NodeRecord {
  return {
    id: row.id,
    startedAt: row.started_at,
    heartbeatAt: row.heartbeat_at,
    busId: row.bus_id,
    version: row.version,
  };
}
