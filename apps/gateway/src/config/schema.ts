/**
 * What `switchboard.yaml` may say, setting by setting, with the words for a wrong value. Values that came from the environment pass
 * through the same schema. Knows neither files nor the environment.
 */
import { MAX_SEQUENCE_ID } from '@switchboard/core';
import { z } from 'zod';

/** All five, in the order of the table of addresses. */
export const PROTOCOL_NAMES = ['signalr', 'event', 'netalo', 'workspace', 'iqchannels'] as const;
export type ProtocolName = (typeof PROTOCOL_NAMES)[number];

const PORT = 'must be a port: a whole number from 0 to 65535 (0 takes any free one)';
const port = z.int({ error: PORT }).min(0, { error: PORT }).max(65_535, { error: PORT });

const ADDRESS = 'must be a port, or host:port as in 127.0.0.1:8081';
/** `8888`, `"127.0.0.1:8081"`, `"[::1]:8081"`. Without a host, the gateway's own. */
const address = z.union(
  [
    port.transform((number) => ({ host: null as string | null, port: number })),
    z
      .string()
      .regex(/^(\[[0-9a-fA-F:.]+\]|[^\s:[\]/]+):\d{1,5}$/)
      .transform((text) => {
        const colon = text.lastIndexOf(':');
        return {
          host: text.slice(0, colon).replace(/^\[|\]$/g, '') as string | null,
          port: Number(text.slice(colon + 1)),
        };
      })
      .refine((value) => value.port <= 65_535),
  ],
  { error: ADDRESS },
);

function url(schemes: readonly string[], example: string) {
  const words = `must be an address like ${example}`;
  return z.string({ error: words }).refine((text) => schemes.includes(schemeOf(text)), { error: words });
}

function schemeOf(text: string): string {
  try {
    return new URL(text).protocol;
  } catch {
    return '';
  }
}

const text = z.string({ error: 'must be a text' }).trim().min(1, { error: 'must not be empty' });
const flag = z.boolean({ error: 'must be true or false' });
const secret = (min: number) => text.min(min, { error: `must have at least ${min} characters` });
const count = (min: number, max: number) => {
  const error = `must be a whole number from ${min} to ${max}`;
  return z.int({ error }).min(min, { error }).max(max, { error });
};

const limits = z.strictObject({
  textLength: count(1, 1_000_000).optional(),
  participants: count(2, 100_000).optional(),
  fileBytes: count(1, 64 * 1024 ** 3).optional(),
  outboxBytes: count(16 * 1024, 1024 ** 3).optional(),
  inboxFrames: count(1, 100_000).optional(),
  inboxBytes: count(1024, 1024 ** 3).optional(),
  jsonDepth: count(2, 1_000).optional(),
  jsonMembers: count(10, 10_000_000).optional(),
});

const RATE = 'must be null, or {perSecond, burst}';
const amount = z.number({ error: 'must be a number above 0' }).positive({ error: 'must be a number above 0' });
const rate = z.strictObject({ perSecond: amount, burst: amount }, { error: RATE }).nullable();
/** How often one user may call one operation; null = as often as it likes. */
const rates = z.strictObject({ fallback: rate, operations: z.record(z.string(), rate).default({}) });

/** Numbers of that wire have 32 bits; above its base a synthetic one takes as many as there are core ids. */
const syntheticBase = count(0, 4_294_967_295 - MAX_SEQUENCE_ID);

/** What the owner of an `event` deployment may turn; the meaning of each stands in that protocol's PROTOCOL.md. */
const event = z.strictObject({
  path: text.regex(/^\/[^?#\s]*$/, { error: 'must be a path like /ws' }).optional(),
  queue: text.max(200, { error: 'must have at most 200 characters' }).optional(),
  secret: secret(8).optional(),
  tokenIssuer: text.optional(),
  bindSubToSid: flag.optional(),
  restrictCustomersToRequest: flag.optional(),
  notifyIdleModerators: flag.optional(),
  readMessageResult: z.enum(['null', 'ids'], { error: 'must be "null" or "ids"' }).optional(),
  roomLimit: count(1, 1_000_000).optional(),
  frameLimitBytes: count(256, 64 * 1024 * 1024).optional(),
  syntheticSidBase: syntheticBase.optional(),
  syntheticApplicationBase: syntheticBase.optional(),
  graceMs: count(0, 3_600_000).optional(),
  pingIntervalMs: count(1_000, 3_600_000).optional(),
  pongTimeoutMs: count(1_000, 3_600_000).optional(),
  tokenTtlMs: count(1_000, 10 * 365 * 86_400_000).optional(),
  rates: rates.optional(),
});

/** A system that is asked about credentials of its own; the meaning of each stands in verifiers/introspection.ts. */
const introspection = z.strictObject({
  url: url(['http:', 'https:'], 'https://id.example.org/introspect'),
  headers: z.record(text, text, { error: 'must be headers by name' }).optional(),
  timeoutMs: count(100, 60_000).optional(),
  retries: count(0, 10).optional(),
});

const ONE_KEY = 'must have one of secret, publicKey and jwksUrl';
/** Tokens that an outside system signs; the meaning of each stands in verifiers/jwt.ts. */
const jwt = z
  .strictObject({
    secret: secret(8).optional(),
    publicKey: text.optional(),
    jwksUrl: url(['http:', 'https:'], 'https://id.example.org/jwks.json').optional(),
    issuer: text.optional(),
    audience: text.optional(),
    externalIdClaim: text.optional(),
  })
  .refine((given) => [given.secret, given.publicKey, given.jwksUrl].filter(Boolean).length === 1, { error: ONE_KEY });
export type JwtSettings = z.infer<typeof jwt>;

const shownTitle = z.strictObject({ name: text, title: text });
/** What the owner of a `signalr` deployment may turn; the meaning of each stands in that protocol's PROTOCOL.md. */
const signalr = z.strictObject({
  path: text.regex(/^\/[^?#\s]*[^?#\s/]$/, { error: 'must be a path like /chathub' }).optional(),
  conversationTypes: z
    .record(
      text,
      z.strictObject({
        title: text,
        validations: z.array(z.strictObject({ type: text, value: z.unknown() })).optional(),
        identityGroups: z.array(shownTitle).optional(),
      }),
      { error: 'must be types by name, each with a title' },
    )
    .optional(),
  jwt: jwt.optional(),
  introspection: introspection.optional(),
  echoNewMessageToCaller: flag.optional(),
  authorizeTimeoutMs: count(1_000, 86_400_000).nullable().optional(),
  messageLimitBytes: count(1_024, 64 * 1024 * 1024).optional(),
  handshakeTimeoutMs: count(1_000, 3_600_000).optional(),
  keepAliveMs: count(1_000, 3_600_000).optional(),
  clientTimeoutMs: count(1_000, 3_600_000).optional(),
  pollTimeoutMs: count(1_000, 3_600_000).optional(),
  disconnectTimeoutMs: count(1_000, 3_600_000).optional(),
  sendTimeoutMs: count(1_000, 3_600_000).optional(),
  graceMs: count(0, 3_600_000).optional(),
  tokenTtlMs: count(1_000, 10 * 365 * 86_400_000).optional(),
  rates: rates.optional(),
});

/** What the owner of a `workspace` deployment may turn; the meaning of each stands in that protocol's PROTOCOL.md. */
const workspace = z.strictObject({
  accessTtlMs: count(1_000, 365 * 86_400_000).optional(),
  refreshTtlMs: count(1_000, 10 * 365 * 86_400_000).optional(),
  graceMs: count(0, 3_600_000).optional(),
  callGraceMs: count(0, 3_600_000).optional(),
  leaveGraceMs: count(0, 3_600_000).optional(),
  inviteMs: count(1_000, 3_600_000).optional(),
  inviteTtlMs: count(1_000, 365 * 86_400_000).optional(),
  signInLinkTtlMs: count(1_000, 365 * 86_400_000).optional(),
  storeMiniChat: flag.optional(),
  broadcastLimitBytes: count(256, 1024 * 1024).optional(),
  bodyLimitBytes: count(1024, 64 * 1024 * 1024).optional(),
  janusUrl: url(['http:', 'https:'], 'https://janus.example.org:8089/janus').optional(),
  janusWsUrl: url(['ws:', 'wss:'], 'wss://janus.example.org:8989').optional(),
  rates: rates.optional(),
});

const EXTENSIONS = 'must be a list of extensions in lower case without a dot, or null';
const extensions = z.array(text.regex(/^[a-z0-9]+$/, { error: EXTENSIONS }), { error: EXTENSIONS }).nullable();

/** What the owner of an `iqchannels` deployment may turn; the meaning of each stands in that protocol's PROTOCOL.md. */
const iqchannels = z.strictObject({
  credentials: z
    .record(text, z.strictObject({ integrationId: text, name: text.optional() }), {
      error: 'must be clients by credential, each with an integrationId',
    })
    .optional(),
  introspection: introspection.optional(),
  developmentCredentials: flag.optional(),
  openOperator: count(1, 1_294_967_295).nullable().optional(),
  escapeForeignText: flag.optional(),
  widgetDir: text.optional(),
  version: text.regex(/^\d+\.\d+\.\d+$/, { error: 'must be a version like 4.4.0' }).optional(),
  guestName: text.optional(),
  fileTokenTtlMs: count(1_000, 365 * 86_400_000).optional(),
  fileBytes: count(1, 64 * 1024 ** 3).optional(),
  allowedExtensions: extensions.optional(),
  forbiddenExtensions: extensions.optional(),
  bodyBytes: count(1024, 64 * 1024 * 1024).optional(),
  integratedIdleMs: count(120_000, 10 * 365 * 86_400_000).optional(),
  graceMs: count(0, 3_600_000).optional(),
  heartbeatMs: count(1_000, 3_600_000).optional(),
  pingIntervalMs: count(1_000, 3_600_000).optional(),
  rates: rates.optional(),
});

/** What the owner of a `netalo` deployment may turn; the meaning of each stands in that protocol's PROTOCOL.md. */
const netalo = z.strictObject({
  introspection: introspection.optional(),
  conflictPolicy: z.enum(['session', 'user', 'none'], { error: 'must be "session", "user" or "none"' }).optional(),
  idFormat: z.enum(['string', 'number'], { error: 'must be "string" or "number"' }).optional(),
  directGroupType: z.union([z.literal(1), z.literal(3)], { error: 'must be 1 or 3' }).optional(),
  provisionUnknownUsers: flag.optional(),
  syntheticUinBase: count(0, Number.MAX_SAFE_INTEGER - 1_294_967_295).optional(),
  offlineDelayMs: count(0, 3_600_000).optional(),
  ringMs: count(1_000, 3_600_000).optional(),
  callGraceMs: count(0, 3_600_000).optional(),
  recordCalls: flag.optional(),
  rate: rate.optional(),
  sessionTtlMs: count(1_000, 10 * 365 * 86_400_000)
    .nullable()
    .optional(),
  pingIntervalMs: count(1_000, 3_600_000).optional(),
  pingTimeoutMs: count(1_000, 3_600_000).optional(),
  maxPacketBytes: count(1024, 64 * 1024 * 1024).optional(),
});

/** A protocol's settings, or `false` to switch it off. */
const switchable = <T extends z.ZodType>(settings: T) => z.union([z.literal(false), settings]).optional();

/** Of the protocols that are built in; a setting of one that is not is refused with its name. */
export const PROTOCOL_SECTIONS = {
  signalr: switchable(signalr),
  event: switchable(event),
  netalo: switchable(netalo),
  iqchannels: switchable(iqchannels),
  workspace: switchable(workspace),
} as const;
export type SignalrSettings = z.infer<typeof signalr>;
export type EventSettings = z.infer<typeof event>;
export type NetaloSettings = z.infer<typeof netalo>;
export type IqchannelsSettings = z.infer<typeof iqchannels>;
export type WorkspaceSettings = z.infer<typeof workspace>;

const ORIGINS = 'must be a list of origins like https://chat.example.org, *.example.org, or *';

export const settingsSchema = z.strictObject({
  mode: z.enum(['development', 'production'], { error: 'must be "development" or "production"' }).optional(),
  host: text.optional(),
  port: port.optional(),
  listen: z
    .strictObject(
      {
        admin: address.optional(),
        signalr: address.optional(),
        event: address.optional(),
        netalo: address.optional(),
        iqchannels: address.optional(),
        workspace: address.optional(),
      },
      { error: 'must name protocols and ports' },
    )
    .optional(),
  publicUrl: url(['http:', 'https:'], 'https://chat.example.org').optional(),
  dataDir: text.optional(),
  filesDir: text.optional(),
  databaseUrl: url(['postgres:', 'postgresql:'], 'postgresql://user:password@host:5432/switchboard').optional(),
  redisUrl: url(['redis:', 'rediss:'], 'redis://host:6379').optional(),
  /** Travels in a header: printable ASCII without blanks. */
  adminToken: secret(8)
    .regex(/^[!-~]*$/, { error: 'must be made of letters, digits and signs of ASCII, without blanks' })
    .optional(),
  sessionKey: secret(32).optional(),
  logLevel: z
    .enum(['debug', 'info', 'warn', 'error', 'silent'], { error: 'must be debug, info, warn, error or silent' })
    .optional(),
  /** `*` = any. */
  origins: z
    .array(text.regex(/^(\*|\*\..+|[a-z][a-z0-9+.-]*:\/\/[^/\s]+)$/, { error: ORIGINS }), { error: ORIGINS })
    .optional(),
  trustProxy: flag.optional(),
  demoWorld: flag.optional(),
  limits: limits.optional(),
  ...PROTOCOL_SECTIONS,
});

export type Settings = z.infer<typeof settingsSchema>;

/** Settings whose value is never repeated in a message: secrets, and addresses that may hold a password. */
export const SECRET_SETTINGS = [
  'adminToken',
  'sessionKey',
  'databaseUrl',
  'redisUrl',
  'event.secret',
  'signalr.jwt',
  'signalr.jwt.secret',
  'signalr.introspection.headers',
  'iqchannels.introspection.headers',
];
