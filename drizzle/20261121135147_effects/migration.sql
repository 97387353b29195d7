CREATE TABLE "webhook_delivery" (
	"account_id" uuid,
	"endpoint_id" uuid,
	"id" uuid,
	"outbox_id" uuid NOT NULL,
	"type" text NOT NULL,
	"at" timestamp(3) with time zone NOT NULL,
	"took_ms" integer NOT NULL,
	"status" integer,
	"error" text,
	CONSTRAINT "webhook_delivery_pkey" PRIMARY KEY("account_id","endpoint_id","id")
);
--> statement-breakpoint
ALTER TABLE "outbox" ADD COLUMN "channel_id" uuid NOT NULL;--> statement-breakpoint
ALTER TABLE "outbox" ADD COLUMN "begun_at" timestamp(3) with time zone;--> statement-breakpoint
ALTER TABLE "webhook_endpoint" ADD COLUMN "previous_secret" text;--> statement-breakpoint
ALTER TABLE "webhook_endpoint" ADD COLUMN "previous_secret_until" timestamp(3) with time zone;--> statement-breakpoint
ALTER TABLE "webhook_endpoint" ADD COLUMN "failures" integer DEFAULT 0 NOT NULL;--> statement-breakpoint
ALTER TABLE "webhook_endpoint" ADD COLUMN "held_back_until" timestamp(3) with time zone;--> statement-breakpoint
CREATE INDEX "outbox_under_way" ON "outbox" ("account_id","conversation_id") WHERE "begun_at" is not null;--> statement-breakpoint
CREATE INDEX "outbox_dead" ON "outbox" ("account_id","id") WHERE "state" in ('DEAD', 'UNCONFIRMED');--> statement-breakpoint
ALTER TABLE "webhook_delivery" ADD CONSTRAINT "webhook_delivery_bmiVIwmYNlcu_fkey" FOREIGN KEY ("account_id","endpoint_id") REFERENCES "webhook_endpoint"("account_id","id") ON DELETE CASCADE;