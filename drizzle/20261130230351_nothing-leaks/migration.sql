CREATE TABLE "erased_identifier" (
	"account_id" uuid,
	"hash" text,
	"erased_at" timestamp(3) with time zone NOT NULL,
	"consent" text,
	"consent_at" timestamp(3) with time zone,
	"echoes_until" timestamp(3) with time zone,
	CONSTRAINT "erased_identifier_pkey" PRIMARY KEY("account_id","hash")
);
--> statement-breakpoint
CREATE TABLE "circuit_breaker" (
	"account_id" uuid,
	"destination_id" uuid,
	"kind" text NOT NULL,
	"failures" integer NOT NULL,
	"why" text NOT NULL,
	"opened_at" timestamp(3) with time zone,
	"retry_at" timestamp(3) with time zone,
	CONSTRAINT "circuit_breaker_pkey" PRIMARY KEY("account_id","destination_id")
);
--> statement-breakpoint
DROP INDEX "outbox_due";--> statement-breakpoint
ALTER TABLE "account" ADD COLUMN "keys_outlive_maker" boolean DEFAULT false NOT NULL;--> statement-breakpoint
ALTER TABLE "api_key" ADD COLUMN "expires_at" timestamp(3) with time zone;--> statement-breakpoint
ALTER TABLE "api_key" ADD COLUMN "made_by" text;--> statement-breakpoint
ALTER TABLE "api_key" ADD COLUMN "bound_to" uuid;--> statement-breakpoint
ALTER TABLE "contact" ADD COLUMN "erased_before" timestamp(3) with time zone;--> statement-breakpoint
ALTER TABLE "outbox" ADD COLUMN "by_hand" boolean DEFAULT false NOT NULL;--> statement-breakpoint
CREATE INDEX "contact_erased_before" ON "contact" ("erased_before") WHERE "erased_before" is not null;--> statement-breakpoint
CREATE INDEX "erased_identifier_old" ON "erased_identifier" ("erased_at") WHERE "consent" is null;--> statement-breakpoint
CREATE INDEX "outbox_turn" ON "outbox" ("account_id",(case when "endpoint_id" is not null then "endpoint_id"
          when "payload" ? 'part' or "payload" ? 'reminder' then "channel_id" else "account_id" end),"by_hand","due_at","id") WHERE "state" = 'PENDING';--> statement-breakpoint
CREATE INDEX "outbox_error" ON "outbox" ("account_id","conversation_id") WHERE "error" is not null;--> statement-breakpoint
ALTER TABLE "erased_identifier" ADD CONSTRAINT "erased_identifier_account_id_account_account_id_fkey" FOREIGN KEY ("account_id") REFERENCES "account"("account_id");--> statement-breakpoint
ALTER TABLE "circuit_breaker" ADD CONSTRAINT "circuit_breaker_account_id_account_account_id_fkey" FOREIGN KEY ("account_id") REFERENCES "account"("account_id");