/**
 * The plain reference: what one would write in an afternoon. A socket.io server, one INSERT for each message, `io.to(room).emit`. No log,
 * no rights, no receipts, no repair. `--relay`: it stores nothing.
 */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import pg from 'pg';
import { Server } from 'socket.io';

/** The load client answers no pings; a run is over before the second. */
const PING_INTERVAL_MS = 600_000;

type Answer = (answer: { ok: boolean; id: string }) => void;

const { DATABASE_URL: connectionString } = process.env;
const isRelay = process.argv.includes('--relay');
const pool = new pg.Pool({ connectionString });
await pool.query(
  `CREATE TABLE IF NOT EXISTS plain_messages (
     id bigserial PRIMARY KEY, room text NOT NULL, sender text NOT NULL, text text NOT NULL, created_at timestamptz NOT NULL DEFAULT now())`,
);

const http = createServer();
const io = new Server(http, { serveClient: false, pingInterval: PING_INTERVAL_MS });
let lastId = 0;

async function store(room: string, sender: string, text: string): Promise<string> {
  if (isRelay) {
    lastId += 1;
    return String(lastId);
  }
  const { rows } = await pool.query<{ id: string }>(
    'INSERT INTO plain_messages (room, sender, text) VALUES ($1, $2, $3) RETURNING id',
    [room, sender, text],
  );
  return rows[0]?.id ?? '';
}

io.on('connection', (socket) => {
  socket.on('join', (room: string, answer: Answer) => {
    void socket.join(room);
    answer({ ok: true, id: socket.id });
  });
  socket.on('send', (room: string, text: string, answer: Answer) => {
    store(room, socket.id, text).then(
      (id) => {
        io.to(room).emit('message', { id, room, sender: socket.id, text, createdAt: new Date().toISOString() });
        answer({ ok: true, id });
      },
      () => answer({ ok: false, id: '' }),
    );
  });
});

process.on('SIGTERM', () => {
  void io.close();
  void pool.end();
  process.exit(0);
});

http.listen(0, '127.0.0.1', () => {
  const { port } = http.address() as AddressInfo;
  console.log(`The reference is ready on http://127.0.0.1:${port}`);
});
