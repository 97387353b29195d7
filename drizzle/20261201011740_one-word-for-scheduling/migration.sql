ALTER TABLE "relaning" RENAME TO "exemption_backfill";--> statement-breakpoint
ALTER TABLE "account" RENAME COLUMN "armed_version" TO "scheduled_version";--> statement-breakpoint
ALTER INDEX "account_unarmed" RENAME TO "account_unscheduled";--> statement-breakpoint
ALTER INDEX "relaning_pending" RENAME TO "exemption_backfill_pending";--> statement-breakpoint
DROP INDEX "account_unscheduled";--> statement-breakpoint
CREATE INDEX "account_unscheduled" ON "account" ("account_id") WHERE "scheduled_version" <> "rules_version";