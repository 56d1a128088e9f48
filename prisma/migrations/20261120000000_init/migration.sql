-- The whole schema. The tables are what `npm run migration:diff` writes from prisma/schema.prisma; what Prisma has no words for follows them.

-- CreateTable
CREATE TABLE "users" (
    "id" BIGSERIAL NOT NULL,
    "kind" TEXT NOT NULL DEFAULT 'person',
    "display_name" TEXT NOT NULL DEFAULT '',
    "avatar" TEXT,
    "language" TEXT,
    "time_zone" TEXT,
    "status_text" TEXT NOT NULL DEFAULT '',
    "attributes" JSONB NOT NULL DEFAULT '{}',
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "updated_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "last_seen_at" TIMESTAMPTZ(3),
    "deleted_at" TIMESTAMPTZ(3),

    CONSTRAINT "users_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "accounts" (
    "user_id" BIGINT NOT NULL,
    "email" TEXT NOT NULL,
    "password_hash" TEXT NOT NULL,
    "verified_at" TIMESTAMPTZ(3),
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "updated_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "accounts_pkey" PRIMARY KEY ("user_id")
);

-- CreateTable
CREATE TABLE "identities" (
    "namespace" TEXT NOT NULL,
    "external_id" TEXT NOT NULL,
    "user_id" BIGINT NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "identities_pkey" PRIMARY KEY ("namespace","external_id")
);

-- CreateTable
CREATE TABLE "external_ids" (
    "namespace" TEXT NOT NULL,
    "kind" TEXT NOT NULL,
    "external_id" TEXT NOT NULL,
    "object_id" BIGINT NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "external_ids_pkey" PRIMARY KEY ("namespace","kind","external_id")
);

-- CreateTable
CREATE TABLE "sessions" (
    "id" BIGSERIAL NOT NULL,
    "public_id" UUID NOT NULL DEFAULT gen_random_uuid(),
    "user_id" BIGINT NOT NULL,
    "namespace" TEXT NOT NULL,
    "space_id" BIGINT,
    "device" TEXT,
    "kind" TEXT NOT NULL,
    "claims" JSONB NOT NULL DEFAULT '{}',
    "counter" INTEGER NOT NULL DEFAULT 0,
    "secret_hash" TEXT,
    "previous_secret_hash" TEXT,
    "refresh_hash" TEXT,
    "previous_refresh_hash" TEXT,
    "access_expires_at" TIMESTAMPTZ(3),
    "expires_at" TIMESTAMPTZ(3),
    "ttl_ms" BIGINT,
    "access_ttl_ms" BIGINT,
    "idle_timeout_ms" BIGINT,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "last_used_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "revoked_at" TIMESTAMPTZ(3),

    CONSTRAINT "sessions_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "one_time_codes" (
    "id" UUID NOT NULL DEFAULT gen_random_uuid(),
    "purpose" TEXT NOT NULL,
    "code_hash" TEXT NOT NULL,
    "user_id" BIGINT,
    "space_id" BIGINT,
    "conversation_id" BIGINT,
    "email" TEXT,
    "data" JSONB NOT NULL DEFAULT '{}',
    "uses_left" INTEGER DEFAULT 1,
    "created_by" BIGINT,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "expires_at" TIMESTAMPTZ(3),
    "used_at" TIMESTAMPTZ(3),

    CONSTRAINT "one_time_codes_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "spaces" (
    "id" BIGSERIAL NOT NULL,
    "kind" TEXT NOT NULL,
    "name" TEXT NOT NULL,
    "title" TEXT NOT NULL DEFAULT '',
    "description" TEXT NOT NULL DEFAULT '',
    "avatar" TEXT,
    "created_by" BIGINT,
    "settings" JSONB NOT NULL DEFAULT '{}',
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "updated_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "changed_position" BIGINT NOT NULL DEFAULT 0,
    "deleted_at" TIMESTAMPTZ(3),

    CONSTRAINT "spaces_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "space_members" (
    "id" BIGSERIAL NOT NULL,
    "space_id" BIGINT NOT NULL,
    "user_id" BIGINT NOT NULL,
    "role" TEXT NOT NULL,
    "joined_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "left_at" TIMESTAMPTZ(3),
    "calls_count" INTEGER NOT NULL DEFAULT 0,
    "latest_call_at" TIMESTAMPTZ(3),
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "changed_position" BIGINT NOT NULL DEFAULT 0,

    CONSTRAINT "space_members_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "conversations" (
    "id" BIGSERIAL NOT NULL,
    "kind" TEXT NOT NULL,
    "type_label" TEXT,
    "key" TEXT,
    "space_id" BIGINT,
    "visibility" TEXT NOT NULL DEFAULT 'private',
    "title" TEXT NOT NULL DEFAULT '',
    "description" TEXT NOT NULL DEFAULT '',
    "avatar" TEXT,
    "created_by" BIGINT,
    "owner_id" BIGINT,
    "customer_id" BIGINT,
    "assignee_id" BIGINT,
    "open" BOOLEAN NOT NULL DEFAULT true,
    "episode" INTEGER NOT NULL DEFAULT 0,
    "opened_at" TIMESTAMPTZ(3),
    "closed_at" TIMESTAMPTZ(3),
    "expires_at" TIMESTAMPTZ(3),
    "temporary" BOOLEAN NOT NULL DEFAULT false,
    "last_seq" BIGINT NOT NULL DEFAULT 0,
    "last_message_id" BIGINT,
    "last_public_message_id" BIGINT,
    "last_activity_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "customer_unread" INTEGER NOT NULL DEFAULT 0,
    "staff_unread" INTEGER NOT NULL DEFAULT 0,
    "attributes" JSONB NOT NULL DEFAULT '{}',
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "updated_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "changed_position" BIGINT NOT NULL DEFAULT 0,
    "deleted_at" TIMESTAMPTZ(3),

    CONSTRAINT "conversations_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "participants" (
    "id" BIGSERIAL NOT NULL,
    "conversation_id" BIGINT NOT NULL,
    "user_id" BIGINT NOT NULL,
    "role" TEXT NOT NULL DEFAULT 'user',
    "groups" TEXT[] DEFAULT ARRAY[]::TEXT[],
    "side" TEXT NOT NULL DEFAULT 'member',
    "active" BOOLEAN NOT NULL DEFAULT true,
    "present" BOOLEAN NOT NULL DEFAULT true,
    "joined_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "left_at" TIMESTAMPTZ(3),
    "removed_at" TIMESTAMPTZ(3),
    "assigned_at" TIMESTAMPTZ(3),
    "blocked_at" TIMESTAMPTZ(3),
    "blocked_by" BIGINT,
    "muted" BOOLEAN NOT NULL DEFAULT false,
    "pinned_at" TIMESTAMPTZ(3),
    "hidden_at_seq" BIGINT,
    "cleared_to_seq" BIGINT NOT NULL DEFAULT 0,
    "joined_seq" BIGINT NOT NULL DEFAULT 0,
    "read_seq" BIGINT NOT NULL DEFAULT 0,
    "read_above" int8multirange NOT NULL DEFAULT '{}'::int8multirange,
    "received_seq" BIGINT NOT NULL DEFAULT 0,
    "past_seqs" int8multirange NOT NULL DEFAULT '{}'::int8multirange,
    "read_at" TIMESTAMPTZ(3),
    "calls_count" INTEGER NOT NULL DEFAULT 0,
    "latest_call_at" TIMESTAMPTZ(3),
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "changed_position" BIGINT NOT NULL DEFAULT 0,

    CONSTRAINT "participants_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "participant_spans" (
    "id" BIGSERIAL NOT NULL,
    "conversation_id" BIGINT NOT NULL,
    "user_id" BIGINT NOT NULL,
    "from_position" BIGINT NOT NULL,
    "to_position" BIGINT,
    "from_seq" BIGINT NOT NULL,
    "to_seq" BIGINT,
    "side" TEXT NOT NULL DEFAULT 'member',

    CONSTRAINT "participant_spans_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "messages" (
    "id" BIGINT NOT NULL,
    "conversation_id" BIGINT NOT NULL,
    "seq" BIGINT NOT NULL,
    "episode" INTEGER NOT NULL DEFAULT 0,
    "sender_id" BIGINT NOT NULL,
    "client_ref" TEXT,
    "via" TEXT NOT NULL,
    "kind" TEXT NOT NULL DEFAULT 'text',
    "text" TEXT NOT NULL DEFAULT '',
    "parts" JSONB,
    "reply_to_id" BIGINT,
    "prompt" JSONB,
    "visibility" TEXT NOT NULL DEFAULT 'all',
    "meta" JSONB,
    "waiting_for_staff" BOOLEAN NOT NULL DEFAULT false,
    "first_received_at" TIMESTAMPTZ(3),
    "first_read_at" TIMESTAMPTZ(3),
    "created_at" TIMESTAMPTZ(3) NOT NULL,
    "edited_at" TIMESTAMPTZ(3),
    "deleted_at" TIMESTAMPTZ(3),
    "changed_position" BIGINT NOT NULL,

    CONSTRAINT "messages_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "messages_hidden" (
    "conversation_id" BIGINT NOT NULL,
    "user_id" BIGINT NOT NULL,
    "seq" BIGINT NOT NULL,
    "message_id" BIGINT NOT NULL,
    "hidden_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "messages_hidden_pkey" PRIMARY KEY ("conversation_id","user_id","seq")
);

-- CreateTable
CREATE TABLE "calls" (
    "id" BIGSERIAL NOT NULL,
    "conversation_id" BIGINT NOT NULL,
    "mode" TEXT NOT NULL,
    "state" TEXT NOT NULL,
    "media" TEXT NOT NULL DEFAULT 'audio',
    "initiator_id" BIGINT NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "accepted_at" TIMESTAMPTZ(3),
    "connected_at" TIMESTAMPTZ(3),
    "ended_at" TIMESTAMPTZ(3),
    "end_reason" TEXT,
    "ended_by" BIGINT,
    "recorded" BOOLEAN NOT NULL DEFAULT false,
    "record_message_id" BIGINT,
    "meta" JSONB NOT NULL DEFAULT '{}',
    "changed_position" BIGINT NOT NULL DEFAULT 0,

    CONSTRAINT "calls_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "call_participants" (
    "call_id" BIGINT NOT NULL,
    "user_id" BIGINT NOT NULL,
    "ordinal" INTEGER NOT NULL DEFAULT 0,
    "state" TEXT NOT NULL,
    "asked_by" BIGINT,
    "asked_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "answered_at" TIMESTAMPTZ(3),
    "reason" TEXT,

    CONSTRAINT "call_participants_pkey" PRIMARY KEY ("call_id","user_id")
);

-- CreateTable
CREATE TABLE "call_legs" (
    "user_id" BIGINT NOT NULL,
    "call_id" BIGINT NOT NULL,
    "conversation_id" BIGINT NOT NULL,
    "connection_id" TEXT NOT NULL,
    "device" TEXT NOT NULL,
    "namespace" TEXT NOT NULL,
    "node_id" TEXT NOT NULL,
    "media" JSONB NOT NULL DEFAULT '{}',
    "media_tokens" JSONB NOT NULL DEFAULT '{}',
    "joined_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "grace_ms" INTEGER NOT NULL DEFAULT 0,
    "grace_until" TIMESTAMPTZ(3),

    CONSTRAINT "call_legs_pkey" PRIMARY KEY ("user_id")
);

-- CreateTable
CREATE TABLE "files" (
    "id" UUID NOT NULL,
    "owner_id" BIGINT,
    "conversation_id" BIGINT,
    "access" TEXT NOT NULL,
    "kind" TEXT NOT NULL,
    "name" TEXT NOT NULL,
    "size_bytes" BIGINT NOT NULL,
    "content_type" TEXT NOT NULL,
    "width" INTEGER,
    "height" INTEGER,
    "duration_ms" BIGINT,
    "state" TEXT NOT NULL,
    "via" TEXT NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "deleted_at" TIMESTAMPTZ(3),

    CONSTRAINT "files_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "message_files" (
    "file_id" UUID NOT NULL,
    "conversation_id" BIGINT NOT NULL,
    "message_id" BIGINT NOT NULL,

    CONSTRAINT "message_files_pkey" PRIMARY KEY ("file_id","conversation_id","message_id")
);

-- CreateTable
CREATE TABLE "push_targets" (
    "id" BIGSERIAL NOT NULL,
    "user_id" BIGINT NOT NULL,
    "namespace" TEXT NOT NULL,
    "scope" TEXT NOT NULL DEFAULT '',
    "platform" TEXT NOT NULL,
    "token" TEXT NOT NULL,
    "device" TEXT,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "updated_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "push_targets_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "deadlines" (
    "id" BIGSERIAL NOT NULL,
    "kind" TEXT NOT NULL,
    "subject" TEXT NOT NULL,
    "due_at" TIMESTAMPTZ(3) NOT NULL,
    "data" JSONB NOT NULL DEFAULT '{}',
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "deadlines_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "nodes" (
    "id" TEXT NOT NULL,
    "started_at" TIMESTAMPTZ(3) NOT NULL,
    "heartbeat_at" TIMESTAMPTZ(3) NOT NULL,
    "bus_id" TEXT NOT NULL,
    "version" TEXT NOT NULL,

    CONSTRAINT "nodes_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "consumers" (
    "name" TEXT NOT NULL,
    "position" BIGINT NOT NULL DEFAULT 0,
    "lease_owner" TEXT,
    "lease_until" TIMESTAMPTZ(3),
    "updated_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "consumers_pkey" PRIMARY KEY ("name")
);

-- CreateTable
CREATE TABLE "events" (
    "position" BIGINT NOT NULL,
    "type" TEXT NOT NULL,
    "v" INTEGER NOT NULL DEFAULT 1,
    "conversation_id" BIGINT,
    "space_id" BIGINT,
    "user_ids" BIGINT[],
    "actor_id" BIGINT,
    "via" TEXT NOT NULL,
    "origin" TEXT,
    "visibility" TEXT NOT NULL DEFAULT 'all',
    "subject_id" BIGINT,
    "batch" TEXT NOT NULL,
    "at" TIMESTAMPTZ(3) NOT NULL,
    "data" JSONB,

    CONSTRAINT "events_pkey" PRIMARY KEY ("position")
);

-- CreateIndex
CREATE UNIQUE INDEX "accounts_email_key" ON "accounts"("email");

-- CreateIndex
CREATE INDEX "identities_user_id_idx" ON "identities"("user_id");

-- CreateIndex
CREATE UNIQUE INDEX "identities_namespace_user_id_key" ON "identities"("namespace", "user_id");

-- CreateIndex
CREATE UNIQUE INDEX "external_ids_kind_object_id_namespace_key" ON "external_ids"("kind", "object_id", "namespace");

-- CreateIndex
CREATE UNIQUE INDEX "sessions_public_id_key" ON "sessions"("public_id");

-- CreateIndex
CREATE UNIQUE INDEX "sessions_secret_hash_key" ON "sessions"("secret_hash");

-- CreateIndex
CREATE UNIQUE INDEX "sessions_previous_secret_hash_key" ON "sessions"("previous_secret_hash");

-- CreateIndex
CREATE UNIQUE INDEX "sessions_refresh_hash_key" ON "sessions"("refresh_hash");

-- CreateIndex
CREATE UNIQUE INDEX "sessions_previous_refresh_hash_key" ON "sessions"("previous_refresh_hash");

-- CreateIndex
CREATE INDEX "sessions_user_id_namespace_idx" ON "sessions"("user_id", "namespace");

-- CreateIndex
CREATE INDEX "sessions_expires_at_idx" ON "sessions"("expires_at");

-- CreateIndex
CREATE UNIQUE INDEX "one_time_codes_code_hash_key" ON "one_time_codes"("code_hash");

-- CreateIndex
CREATE INDEX "one_time_codes_purpose_space_id_idx" ON "one_time_codes"("purpose", "space_id");

-- CreateIndex
CREATE INDEX "one_time_codes_purpose_conversation_id_idx" ON "one_time_codes"("purpose", "conversation_id");

-- CreateIndex
CREATE INDEX "space_members_user_id_idx" ON "space_members"("user_id");

-- CreateIndex
CREATE UNIQUE INDEX "space_members_space_id_user_id_key" ON "space_members"("space_id", "user_id");

-- CreateIndex
CREATE INDEX "conversations_space_id_idx" ON "conversations"("space_id");

-- CreateIndex
CREATE INDEX "conversations_customer_id_idx" ON "conversations"("customer_id");

-- CreateIndex
CREATE INDEX "participants_user_id_active_idx" ON "participants"("user_id", "active");

-- CreateIndex
CREATE UNIQUE INDEX "participants_conversation_id_user_id_key" ON "participants"("conversation_id", "user_id");

-- CreateIndex
CREATE INDEX "participant_spans_conversation_id_user_id_idx" ON "participant_spans"("conversation_id", "user_id");

-- CreateIndex
CREATE INDEX "participant_spans_user_id_from_position_idx" ON "participant_spans"("user_id", "from_position");

-- CreateIndex
CREATE UNIQUE INDEX "messages_conversation_id_seq_key" ON "messages"("conversation_id", "seq");

-- CreateIndex
CREATE UNIQUE INDEX "messages_conversation_id_sender_id_client_ref_key" ON "messages"("conversation_id", "sender_id", "client_ref");

-- CreateIndex
CREATE INDEX "messages_hidden_message_id_idx" ON "messages_hidden"("message_id");

-- CreateIndex
CREATE INDEX "calls_conversation_id_idx" ON "calls"("conversation_id");

-- CreateIndex
CREATE INDEX "call_participants_user_id_idx" ON "call_participants"("user_id");

-- CreateIndex
CREATE INDEX "call_legs_call_id_idx" ON "call_legs"("call_id");

-- CreateIndex
CREATE INDEX "call_legs_node_id_idx" ON "call_legs"("node_id");

-- CreateIndex
CREATE INDEX "files_owner_id_idx" ON "files"("owner_id");

-- CreateIndex
CREATE INDEX "files_conversation_id_idx" ON "files"("conversation_id");

-- CreateIndex
CREATE INDEX "push_targets_user_id_idx" ON "push_targets"("user_id");

-- CreateIndex
CREATE UNIQUE INDEX "push_targets_namespace_scope_platform_token_key" ON "push_targets"("namespace", "scope", "platform", "token");

-- CreateIndex
CREATE INDEX "deadlines_due_at_idx" ON "deadlines"("due_at");

-- CreateIndex
CREATE UNIQUE INDEX "deadlines_kind_subject_key" ON "deadlines"("kind", "subject");

-- CreateIndex
CREATE INDEX "events_conversation_id_position_idx" ON "events"("conversation_id", "position");

-- AddForeignKey
ALTER TABLE "accounts" ADD CONSTRAINT "accounts_user_id_fkey" FOREIGN KEY ("user_id") REFERENCES "users"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "identities" ADD CONSTRAINT "identities_user_id_fkey" FOREIGN KEY ("user_id") REFERENCES "users"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "sessions" ADD CONSTRAINT "sessions_user_id_fkey" FOREIGN KEY ("user_id") REFERENCES "users"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "space_members" ADD CONSTRAINT "space_members_space_id_fkey" FOREIGN KEY ("space_id") REFERENCES "spaces"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "space_members" ADD CONSTRAINT "space_members_user_id_fkey" FOREIGN KEY ("user_id") REFERENCES "users"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "conversations" ADD CONSTRAINT "conversations_space_id_fkey" FOREIGN KEY ("space_id") REFERENCES "spaces"("id") ON DELETE SET NULL ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "participants" ADD CONSTRAINT "participants_conversation_id_fkey" FOREIGN KEY ("conversation_id") REFERENCES "conversations"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "participants" ADD CONSTRAINT "participants_user_id_fkey" FOREIGN KEY ("user_id") REFERENCES "users"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "call_participants" ADD CONSTRAINT "call_participants_call_id_fkey" FOREIGN KEY ("call_id") REFERENCES "calls"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "call_legs" ADD CONSTRAINT "call_legs_call_id_fkey" FOREIGN KEY ("call_id") REFERENCES "calls"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "push_targets" ADD CONSTRAINT "push_targets_user_id_fkey" FOREIGN KEY ("user_id") REFERENCES "users"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- Synthetic ids on the wires are computed from these ids and need them to end here (core: MAX_SEQUENCE_ID).
ALTER SEQUENCE "users_id_seq" MAXVALUE 1294967295;
ALTER SEQUENCE "sessions_id_seq" MAXVALUE 1294967295;
ALTER SEQUENCE "spaces_id_seq" MAXVALUE 1294967295;
ALTER SEQUENCE "space_members_id_seq" MAXVALUE 1294967295;
ALTER SEQUENCE "conversations_id_seq" MAXVALUE 1294967295;
ALTER SEQUENCE "participants_id_seq" MAXVALUE 1294967295;
ALTER SEQUENCE "calls_id_seq" MAXVALUE 1294967295;

-- Unique while alive.
CREATE UNIQUE INDEX "spaces_kind_name_live" ON "spaces"("kind", "name") WHERE "deleted_at" IS NULL;
CREATE UNIQUE INDEX "conversations_key_live" ON "conversations"("key") WHERE "deleted_at" IS NULL;
CREATE UNIQUE INDEX "calls_conversation_id_live" ON "calls"("conversation_id") WHERE "ended_at" IS NULL;
CREATE UNIQUE INDEX "participant_spans_open" ON "participant_spans"("conversation_id", "user_id") WHERE "to_position" IS NULL;

-- What staff work on, among all that was ever closed. Sends change nothing in it, so heads are still updated in place.
CREATE INDEX "conversations_space_id_open" ON "conversations"("space_id") WHERE "open" AND "deleted_at" IS NULL;

-- What nobody attended, until the first member of staff has read it.
CREATE INDEX "messages_waiting_for_staff" ON "messages"("conversation_id", "seq") WHERE "waiting_for_staff";

-- Replay of one stream: what happened in a space, what was told to one user by name, and what everybody must hear. Entries that have
-- neither (most messages do not) cost nothing here.
CREATE INDEX "events_space_id_position" ON "events"("space_id", "position") WHERE "space_id" IS NOT NULL;
CREATE INDEX "events_user_ids" ON "events" USING gin ("user_ids") WHERE "user_ids" <> '{}';
CREATE INDEX "events_jumps" ON "events"("position") WHERE "type" = 'log.jumped';
