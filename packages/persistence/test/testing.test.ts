import { createTestDatabase, startTestServer } from '@switchboard/persistence/testing';
import { connect, lastError } from './support/clients.ts';

describe('a test database', () => {
  it('is migrated, empty and nobody else’s', async () => {
    const [one, other] = await Promise.all([createTestDatabase(), createTestDatabase()]);
    const client = await connect(one.connectionString);
    await client.query(`INSERT INTO users (display_name) VALUES ('alice')`);
    const stranger = await connect(other.connectionString);
    expect((await stranger.query('SELECT FROM users')).rowCount).toBe(0);
    await Promise.all([client.end(), stranger.end()]);
    await Promise.all([one.drop(), other.drop()]);
  });

  it('is as new after truncate, sequences included', async () => {
    const database = await createTestDatabase();
    const client = await connect(database.connectionString);
    const insert = () => client.query<{ id: string }>(`INSERT INTO users (display_name) VALUES ('a') RETURNING id`);
    const first = (await insert()).rows[0]?.id;
    expect((await insert()).rows[0]?.id).not.toBe(first);
    await database.truncate();
    expect((await client.query('SELECT FROM users')).rowCount).toBe(0);
    expect((await insert()).rows[0]?.id).toBe(first);
    expect((await client.query('SELECT FROM _prisma_migrations')).rowCount).toBeGreaterThan(0);
    await client.end();
    await database.drop();
  });

  it('is gone after drop, with whoever was connected', async () => {
    const database = await createTestDatabase();
    const client = await connect(database.connectionString);
    const ended = lastError(client);
    await database.drop();
    expect((await ended).message).toMatch(/terminat/);
    await expect(connect(database.connectionString)).rejects.toThrow(/does not exist/);
  });
});

describe('a test server', () => {
  it('keeps what was acknowledged when it is killed, and its address when it returns', async () => {
    const server = await startTestServer({ durable: true });
    const database = await createTestDatabase(server);
    const client = await connect(database.connectionString);
    await client.query(`INSERT INTO users (display_name) VALUES ('alice')`);
    const cut = lastError(client);
    await server.kill();
    await cut;
    await expect(connect(database.connectionString)).rejects.toThrow();
    await server.restart();
    const again = await connect(database.connectionString);
    expect((await again.query('SELECT FROM users')).rowCount).toBe(1);
    await again.end();
    await server.close();
  });

  it('answers nobody while it is paused and everybody afterwards', async () => {
    const server = await startTestServer();
    const client = await connect(server.adminConnectionString);
    server.pause();
    let answered = false;
    const answer = client.query('SELECT 1').then(() => {
      answered = true;
    });
    // A whole connection attempt is refused the time it would need.
    await expect(connect(server.adminConnectionString, { connectionTimeoutMillis: 300 })).rejects.toThrow(/timeout/);
    expect(answered).toBe(false);
    server.resume();
    await answer;
    await client.end();
    await server.close();
  });
});
