CREATE TABLE "idempotency" (
	"account_id" uuid,
	"key" text,
	"request_hash" text NOT NULL,
	"result" jsonb NOT NULL,
	"created_at" timestamp(3) with time zone NOT NULL,
	CONSTRAINT "idempotency_pkey" PRIMARY KEY("account_id","key")
);
--> statement-breakpoint
CREATE TABLE "operator_key" (
	"id" uuid PRIMARY KEY,
	"name" text NOT NULL,
	"hash" text NOT NULL,
	"scopes" text[] NOT NULL,
	"created_at" timestamp(3) with time zone NOT NULL,
	"revoked_at" timestamp(3) with time zone
);
--> statement-breakpoint
ALTER TABLE "agent" ADD COLUMN "subject" text;--> statement-breakpoint
ALTER TABLE "event" ADD COLUMN "xid" xid8 DEFAULT pg_current_xact_id() NOT NULL;--> statement-breakpoint
ALTER TABLE "agent" ADD CONSTRAINT "agent_subject" UNIQUE("account_id","subject");--> statement-breakpoint
CREATE INDEX "event_feed" ON "event" ("account_id","xid");--> statement-breakpoint
ALTER TABLE "idempotency" ADD CONSTRAINT "idempotency_account_id_account_account_id_fkey" FOREIGN KEY ("account_id") REFERENCES "account"("account_id");