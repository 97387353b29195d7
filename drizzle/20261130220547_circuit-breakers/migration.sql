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
ALTER TABLE "outbox" ADD COLUMN "by_hand" boolean DEFAULT false NOT NULL;--> statement-breakpoint
CREATE INDEX "outbox_turn" ON "outbox" ("account_id",(case when "endpoint_id" is not null then "endpoint_id"
          when "payload" ? 'part' or "payload" ? 'reminder' then "channel_id" else "account_id" end),"by_hand","due_at","id") WHERE "state" = 'PENDING';--> statement-breakpoint
ALTER TABLE "circuit_breaker" ADD CONSTRAINT "circuit_breaker_account_id_account_account_id_fkey" FOREIGN KEY ("account_id") REFERENCES "account"("account_id");