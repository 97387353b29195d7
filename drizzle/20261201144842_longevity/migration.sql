ALTER TABLE "conversation" ADD COLUMN "longevity_hours" integer;--> statement-breakpoint
ALTER TABLE "lane" ADD COLUMN "longevity_hours" integer;--> statement-breakpoint
ALTER TABLE "lane" DROP CONSTRAINT "lane_facts";--> statement-breakpoint
ALTER TABLE "lane" ADD CONSTRAINT "lane_facts" UNIQUE NULLS NOT DISTINCT("account_id","channel_id","skill_id","status","awaiting","case_status","held","manual_response_time","exempt","stage","overflowed","longevity_hours");