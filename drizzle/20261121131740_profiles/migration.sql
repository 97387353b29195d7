CREATE TABLE "relaning" (
	"account_id" uuid PRIMARY KEY,
	"version" bigint NOT NULL,
	"pass" integer NOT NULL,
	"after_id" uuid,
	"not_before" timestamp(3) with time zone NOT NULL,
	"scanned" bigint NOT NULL,
	"moved" bigint NOT NULL,
	"started_at" timestamp(3) with time zone NOT NULL,
	"done_at" timestamp(3) with time zone
);
--> statement-breakpoint
CREATE TABLE "consent_change" (
	"account_id" uuid,
	"contact_id" uuid,
	"id" uuid,
	"consent" text NOT NULL,
	"source" text NOT NULL,
	"at" timestamp(3) with time zone NOT NULL,
	"recorded_at" timestamp(3) with time zone NOT NULL,
	"conversation_id" uuid,
	"agent_id" uuid,
	CONSTRAINT "consent_change_pkey" PRIMARY KEY("account_id","contact_id","id")
);
--> statement-breakpoint
ALTER TABLE "account" ADD COLUMN "case_statuses" text[] DEFAULT '{}'::text[] NOT NULL;--> statement-breakpoint
ALTER TABLE "account" ADD COLUMN "calendar_id" uuid;--> statement-breakpoint
CREATE INDEX "relaning_pending" ON "relaning" ("not_before") WHERE "done_at" is null;--> statement-breakpoint
ALTER TABLE "account" ADD CONSTRAINT "account_account_id_calendar_id_calendar_account_id_id_fkey" FOREIGN KEY ("account_id","calendar_id") REFERENCES "calendar"("account_id","id");--> statement-breakpoint
ALTER TABLE "relaning" ADD CONSTRAINT "relaning_account_id_account_account_id_fkey" FOREIGN KEY ("account_id") REFERENCES "account"("account_id");--> statement-breakpoint
ALTER TABLE "consent_change" ADD CONSTRAINT "consent_change_account_id_contact_id_contact_account_id_id_fkey" FOREIGN KEY ("account_id","contact_id") REFERENCES "contact"("account_id","id");