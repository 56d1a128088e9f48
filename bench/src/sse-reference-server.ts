/**
 * The plain reference of event streams: Express, one INSERT for each message, `res.write` to everybody. No log, no rights, no receipts, no
 * repair. `--relay`: it stores nothing.
 */
import type { AddressInfo } from 'node:net';
import express, { type Response } from 'express';
import pg from 'pg';

const { DATABASE_URL: connectionString } = process.env;
const isRelay = process.argv.includes('--relay');
const pool = new pg.Pool({ connectionString });
await pool.query(
  `CREATE TABLE IF NOT EXISTS plain_messages (
     id bigserial PRIMARY KEY, sender text NOT NULL, text text NOT NULL, created_at timestamptz NOT NULL DEFAULT now())`,
);

const app = express();
const streams = new Set<Response>();
let lastId = 0;

async function store(sender: string, text: string): Promise<string> {
  if (isRelay) {
    lastId += 1;
    return String(lastId);
  }
  const { rows } = await pool.query<{ id: string }>(
    'INSERT INTO plain_messages (sender, text) VALUES ($1, $2) RETURNING id',
    [sender, text],
  );
  return rows[0]?.id ?? '';
}

app.get('/events', (_request, response) => {
  response.writeHead(200, { 'Content-Type': 'text/event-stream', 'Cache-Control': 'no-cache' });
  response.write(': ok\n\n');
  streams.add(response);
  response.on('close', () => streams.delete(response));
});

app.get('/ready', (_request, response) => void response.send('ready'));

app.post('/send', express.json(), (request, response) => {
  const { sender, text } = request.body as { readonly sender: string; readonly text: string };
  store(sender, text).then(
    (id) => {
      for (const stream of streams) {
        stream.write(`data: ${JSON.stringify({ id, sender, text, createdAt: new Date().toISOString() })}\n\n`);
      }
      response.json({ OK: true, id });
    },
    () => response.json({ OK: false }),
  );
});

const server = app.listen(0, '127.0.0.1', () => {
  const { port } = server.address() as AddressInfo;
  console.log(`The reference is ready on http://127.0.0.1:${port}`);
});

process.on('SIGTERM', () => {
  server.closeAllConnections();
  void pool.end();
  process.exit(0);
});
