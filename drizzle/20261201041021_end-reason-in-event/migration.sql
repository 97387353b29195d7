-- Events that ended a conversation store the reason. Older ones get it from their timer or from the event before them.
UPDATE "event" SET "data" = coalesce("event"."data", '{}') || jsonb_build_object('endReason', CASE
  WHEN "event"."timer" = 'PROTECT' THEN 'PROTECTION'
  WHEN "event"."timer" = 'END_INACTIVE' THEN 'INACTIVE'
  WHEN "event"."timer" = 'END_UNANSWERED' THEN 'UNANSWERED'
  WHEN "event"."timer" IS NOT NULL THEN "event"."timer"
  WHEN "event"."kind" = 'INBOUND' THEN 'OPT_OUT'
  WHEN "event"."actor" = 'SYSTEM' AND "before"."effect" = 'STARTED' THEN 'NOTIFICATION'
  WHEN "event"."actor" = 'SYSTEM' THEN 'SUPERSEDED'
  WHEN "before"."effect" = 'STARTED' AND "before"."data" ->> 'keyword' = 'OPT_OUT' THEN 'OPT_OUT'
  ELSE 'COMMAND' END)
FROM "event" AS "self" LEFT JOIN "event" AS "before"
  ON "before"."account_id" = "self"."account_id" AND "before"."conversation_id" = "self"."conversation_id"
  AND "before"."revision" = "self"."revision" - 1
WHERE "event"."effect" = 'ENDED' AND "self"."effect" = 'ENDED' AND "self"."account_id" = "event"."account_id"
  AND "self"."conversation_id" = "event"."conversation_id" AND "self"."revision" = "event"."revision";
