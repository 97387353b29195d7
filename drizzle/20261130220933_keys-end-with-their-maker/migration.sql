ALTER TABLE "account" ADD COLUMN "keys_outlive_maker" boolean DEFAULT false NOT NULL;--> statement-breakpoint
ALTER TABLE "api_key" ADD COLUMN "expires_at" timestamp(3) with time zone;--> statement-breakpoint
ALTER TABLE "api_key" ADD COLUMN "made_by" text;--> statement-breakpoint
ALTER TABLE "api_key" ADD COLUMN "bound_to" uuid;