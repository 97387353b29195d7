CREATE TABLE "account" (
	"account_id" uuid PRIMARY KEY,
	"name" text NOT NULL,
	"profile" text NOT NULL,
	"first_profile" text NOT NULL,
	"exempt_tags" text[] DEFAULT '{}'::text[] NOT NULL,
	"rules_version" bigint NOT NULL,
	"rules_since" timestamp(3) with time zone NOT NULL,
	"armed_version" bigint NOT NULL,
	"created_at" timestamp(3) with time zone NOT NULL
);
--> statement-breakpoint
CREATE TABLE "agent" (
	"account_id" uuid,
	"id" uuid,
	"name" text NOT NULL,
	"kind" text NOT NULL,
	"online" boolean NOT NULL,
	"capacity" integer,
	CONSTRAINT "agent_pkey" PRIMARY KEY("account_id","id"),
	CONSTRAINT "agent_name" UNIQUE("account_id","name")
);
--> statement-breakpoint
CREATE TABLE "api_key" (
	"account_id" uuid,
	"id" uuid,
	"name" text NOT NULL,
	"hash" text NOT NULL,
	"scopes" text[] NOT NULL,
	"created_at" timestamp(3) with time zone NOT NULL,
	"revoked_at" timestamp(3) with time zone,
	CONSTRAINT "api_key_pkey" PRIMARY KEY("account_id","id")
);
--> statement-breakpoint
CREATE TABLE "calendar" (
	"account_id" uuid,
	"id" uuid,
	"name" text NOT NULL,
	"hours" jsonb NOT NULL,
	CONSTRAINT "calendar_pkey" PRIMARY KEY("account_id","id"),
	CONSTRAINT "calendar_name" UNIQUE("account_id","name")
);
--> statement-breakpoint
CREATE TABLE "channel" (
	"account_id" uuid,
	"id" uuid,
	"name" text NOT NULL,
	"adapter" text NOT NULL,
	"settings" jsonb NOT NULL,
	"calendar_id" uuid,
	CONSTRAINT "channel_pkey" PRIMARY KEY("account_id","id"),
	CONSTRAINT "channel_name" UNIQUE("account_id","name")
);
--> statement-breakpoint
CREATE TABLE "outage" (
	"account_id" uuid,
	"id" uuid,
	"kind" text NOT NULL,
	"channel_id" uuid,
	"since" timestamp(3) with time zone NOT NULL,
	"until" timestamp(3) with time zone,
	CONSTRAINT "outage_pkey" PRIMARY KEY("account_id","id")
);
--> statement-breakpoint
CREATE TABLE "policy_layer" (
	"account_id" uuid,
	"id" uuid,
	"channel_id" uuid,
	"skill_id" uuid,
	"fields" jsonb NOT NULL,
	"version" bigint NOT NULL,
	CONSTRAINT "policy_layer_pkey" PRIMARY KEY("account_id","id"),
	CONSTRAINT "policy_layer_place" UNIQUE NULLS NOT DISTINCT("account_id","channel_id","skill_id")
);
--> statement-breakpoint
CREATE TABLE "rules_version" (
	"account_id" uuid,
	"version" bigint,
	"kind" text NOT NULL,
	"channel_id" uuid,
	"skill_id" uuid,
	"before" jsonb,
	"after" jsonb,
	"changed_by" text NOT NULL,
	"changed_at" timestamp(3) with time zone NOT NULL,
	"why" text,
	CONSTRAINT "rules_version_pkey" PRIMARY KEY("account_id","version")
);
--> statement-breakpoint
CREATE TABLE "skill" (
	"account_id" uuid,
	"id" uuid,
	"name" text NOT NULL,
	CONSTRAINT "skill_pkey" PRIMARY KEY("account_id","id"),
	CONSTRAINT "skill_name" UNIQUE("account_id","name")
);
--> statement-breakpoint
CREATE TABLE "contact" (
	"account_id" uuid,
	"id" uuid,
	"channel_id" uuid NOT NULL,
	"address" text,
	"client_version" text,
	"locale" text,
	"consent" text,
	"consent_at" timestamp(3) with time zone,
	"latest_conversation_id" uuid,
	"erased_at" timestamp(3) with time zone,
	CONSTRAINT "contact_pkey" PRIMARY KEY("account_id","id"),
	CONSTRAINT "contact_address" UNIQUE("account_id","channel_id","address")
);
--> statement-breakpoint
CREATE TABLE "conversation" (
	"account_id" uuid,
	"id" uuid,
	"contact_id" uuid NOT NULL,
	"channel_id" uuid NOT NULL,
	"skill_id" uuid,
	"lane_id" uuid,
	"status" text NOT NULL,
	"awaiting" text NOT NULL,
	"agent_id" uuid,
	"case_status" text,
	"held" boolean NOT NULL,
	"held_until" timestamp(3) with time zone,
	"manual_response_at" timestamp(3) with time zone,
	"tags" text[] NOT NULL,
	"stage" smallint NOT NULL,
	"overflowed" boolean NOT NULL,
	"started_by" text NOT NULL,
	"started_at" timestamp(3) with time zone NOT NULL,
	"last_activity_at" timestamp(3) with time zone NOT NULL,
	"awaiting_since" timestamp(3) with time zone,
	"status_since" timestamp(3) with time zone NOT NULL,
	"newest_at" timestamp(3) with time zone NOT NULL,
	"placed_at" timestamp(3) with time zone NOT NULL,
	"ended_at" timestamp(3) with time zone,
	"end_reason" text,
	"ended_by" text,
	"credited_agent_id" uuid,
	"former_status" text,
	"rules_version" bigint,
	"lateness_ms" bigint,
	"previous_id" uuid,
	"revision" integer NOT NULL,
	CONSTRAINT "conversation_pkey" PRIMARY KEY("account_id","id")
);
--> statement-breakpoint
CREATE TABLE "event" (
	"account_id" uuid,
	"conversation_id" uuid,
	"revision" integer,
	"kind" text NOT NULL,
	"at" timestamp(3) with time zone NOT NULL,
	"recorded_at" timestamp(3) with time zone NOT NULL,
	"actor" text NOT NULL,
	"agent_id" uuid,
	"channel_id" uuid NOT NULL,
	"message_id" text,
	"timer" text,
	"effect" text,
	"status" text NOT NULL,
	"awaiting" text NOT NULL,
	"data" jsonb,
	CONSTRAINT "event_pkey" PRIMARY KEY("account_id","conversation_id","revision")
);
--> statement-breakpoint
CREATE TABLE "lane" (
	"account_id" uuid,
	"id" uuid,
	"channel_id" uuid NOT NULL,
	"skill_id" uuid,
	"status" text NOT NULL,
	"awaiting" text NOT NULL,
	"case_status" text,
	"held" boolean NOT NULL,
	"manual_response_time" boolean NOT NULL,
	"exempt" boolean NOT NULL,
	"stage" smallint NOT NULL,
	"overflowed" boolean NOT NULL,
	"wake_at" timestamp(3) with time zone,
	"floor" timestamp(3) with time zone NOT NULL,
	CONSTRAINT "lane_pkey" PRIMARY KEY("account_id","id"),
	CONSTRAINT "lane_facts" UNIQUE NULLS NOT DISTINCT("account_id","channel_id","skill_id","status","awaiting","case_status","held","manual_response_time","exempt","stage","overflowed")
);
--> statement-breakpoint
CREATE TABLE "outbox" (
	"account_id" uuid,
	"id" uuid,
	"kind" text NOT NULL,
	"conversation_id" uuid NOT NULL,
	"revision" integer NOT NULL,
	"endpoint_id" uuid,
	"payload" jsonb NOT NULL,
	"state" text NOT NULL,
	"attempts" integer NOT NULL,
	"due_at" timestamp(3) with time zone NOT NULL,
	"created_at" timestamp(3) with time zone NOT NULL,
	"done_at" timestamp(3) with time zone,
	"error" text,
	CONSTRAINT "outbox_pkey" PRIMARY KEY("account_id","id")
);
--> statement-breakpoint
CREATE TABLE "service_state" (
	"key" text PRIMARY KEY,
	"value" jsonb NOT NULL
);
--> statement-breakpoint
CREATE TABLE "webhook_endpoint" (
	"account_id" uuid,
	"id" uuid,
	"url" text NOT NULL,
	"secret" text NOT NULL,
	"events" text[] NOT NULL,
	"channel_id" uuid,
	"created_at" timestamp(3) with time zone NOT NULL,
	"disabled_at" timestamp(3) with time zone,
	CONSTRAINT "webhook_endpoint_pkey" PRIMARY KEY("account_id","id")
);
--> statement-breakpoint
CREATE INDEX "account_unarmed" ON "account" ("account_id") WHERE "armed_version" <> "rules_version";--> statement-breakpoint
CREATE UNIQUE INDEX "conversation_open_contact" ON "conversation" ("account_id","contact_id") WHERE "status" <> 'ENDED';--> statement-breakpoint
CREATE INDEX "conversation_open_agent" ON "conversation" ("account_id","agent_id") WHERE "status" <> 'ENDED';--> statement-breakpoint
CREATE INDEX "conversation_last_activity" ON "conversation" ("lane_id","last_activity_at") WHERE "lane_id" is not null;--> statement-breakpoint
CREATE INDEX "conversation_awaiting" ON "conversation" ("lane_id","awaiting_since") WHERE "lane_id" is not null and "status" in ('NEW', 'ACTIVE');--> statement-breakpoint
CREATE INDEX "conversation_status" ON "conversation" ("lane_id","status_since") WHERE "lane_id" is not null and "status" in ('WAITING', 'INACTIVE');--> statement-breakpoint
CREATE INDEX "conversation_held" ON "conversation" ("lane_id","held_until") WHERE "lane_id" is not null and "held_until" is not null;--> statement-breakpoint
CREATE UNIQUE INDEX "event_message" ON "event" ("account_id","channel_id","message_id") WHERE "message_id" is not null;--> statement-breakpoint
CREATE INDEX "lane_wake" ON "lane" ("wake_at") WHERE "wake_at" is not null;--> statement-breakpoint
CREATE INDEX "outbox_due" ON "outbox" ("due_at") WHERE "state" = 'PENDING';--> statement-breakpoint
ALTER TABLE "agent" ADD CONSTRAINT "agent_account_id_account_account_id_fkey" FOREIGN KEY ("account_id") REFERENCES "account"("account_id");--> statement-breakpoint
ALTER TABLE "api_key" ADD CONSTRAINT "api_key_account_id_account_account_id_fkey" FOREIGN KEY ("account_id") REFERENCES "account"("account_id");--> statement-breakpoint
ALTER TABLE "calendar" ADD CONSTRAINT "calendar_account_id_account_account_id_fkey" FOREIGN KEY ("account_id") REFERENCES "account"("account_id");--> statement-breakpoint
ALTER TABLE "channel" ADD CONSTRAINT "channel_account_id_account_account_id_fkey" FOREIGN KEY ("account_id") REFERENCES "account"("account_id");--> statement-breakpoint
ALTER TABLE "channel" ADD CONSTRAINT "channel_account_id_calendar_id_calendar_account_id_id_fkey" FOREIGN KEY ("account_id","calendar_id") REFERENCES "calendar"("account_id","id");--> statement-breakpoint
ALTER TABLE "outage" ADD CONSTRAINT "outage_account_id_account_account_id_fkey" FOREIGN KEY ("account_id") REFERENCES "account"("account_id");--> statement-breakpoint
ALTER TABLE "outage" ADD CONSTRAINT "outage_account_id_channel_id_channel_account_id_id_fkey" FOREIGN KEY ("account_id","channel_id") REFERENCES "channel"("account_id","id");--> statement-breakpoint
ALTER TABLE "policy_layer" ADD CONSTRAINT "policy_layer_account_id_account_account_id_fkey" FOREIGN KEY ("account_id") REFERENCES "account"("account_id");--> statement-breakpoint
ALTER TABLE "policy_layer" ADD CONSTRAINT "policy_layer_account_id_channel_id_channel_account_id_id_fkey" FOREIGN KEY ("account_id","channel_id") REFERENCES "channel"("account_id","id");--> statement-breakpoint
ALTER TABLE "policy_layer" ADD CONSTRAINT "policy_layer_account_id_skill_id_skill_account_id_id_fkey" FOREIGN KEY ("account_id","skill_id") REFERENCES "skill"("account_id","id");--> statement-breakpoint
ALTER TABLE "rules_version" ADD CONSTRAINT "rules_version_account_id_account_account_id_fkey" FOREIGN KEY ("account_id") REFERENCES "account"("account_id");--> statement-breakpoint
ALTER TABLE "skill" ADD CONSTRAINT "skill_account_id_account_account_id_fkey" FOREIGN KEY ("account_id") REFERENCES "account"("account_id");--> statement-breakpoint
ALTER TABLE "contact" ADD CONSTRAINT "contact_account_id_channel_id_channel_account_id_id_fkey" FOREIGN KEY ("account_id","channel_id") REFERENCES "channel"("account_id","id");--> statement-breakpoint
ALTER TABLE "conversation" ADD CONSTRAINT "conversation_account_id_contact_id_contact_account_id_id_fkey" FOREIGN KEY ("account_id","contact_id") REFERENCES "contact"("account_id","id");--> statement-breakpoint
ALTER TABLE "conversation" ADD CONSTRAINT "conversation_account_id_skill_id_skill_account_id_id_fkey" FOREIGN KEY ("account_id","skill_id") REFERENCES "skill"("account_id","id");--> statement-breakpoint
ALTER TABLE "conversation" ADD CONSTRAINT "conversation_account_id_agent_id_agent_account_id_id_fkey" FOREIGN KEY ("account_id","agent_id") REFERENCES "agent"("account_id","id");--> statement-breakpoint
ALTER TABLE "webhook_endpoint" ADD CONSTRAINT "webhook_endpoint_account_id_account_account_id_fkey" FOREIGN KEY ("account_id") REFERENCES "account"("account_id");--> statement-breakpoint
ALTER TABLE "webhook_endpoint" ADD CONSTRAINT "webhook_endpoint_WX0Cqy2TYJjj_fkey" FOREIGN KEY ("account_id","channel_id") REFERENCES "channel"("account_id","id");