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
ALTER TABLE "contact" ADD COLUMN "erased_before" timestamp(3) with time zone;--> statement-breakpoint
CREATE INDEX "contact_erased_before" ON "contact" ("erased_before") WHERE "erased_before" is not null;--> statement-breakpoint
CREATE INDEX "erased_identifier_old" ON "erased_identifier" ("erased_at") WHERE "consent" is null;--> statement-breakpoint
CREATE INDEX "outbox_error" ON "outbox" ("account_id","conversation_id") WHERE "error" is not null;--> statement-breakpoint
ALTER TABLE "erased_identifier" ADD CONSTRAINT "erased_identifier_account_id_account_account_id_fkey" FOREIGN KEY ("account_id") REFERENCES "account"("account_id");