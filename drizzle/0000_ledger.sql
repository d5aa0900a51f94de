CREATE TABLE "alias" (
	"pipeline" integer NOT NULL,
	"alias" text NOT NULL,
	"slot" bigint NOT NULL,
	"target" integer NOT NULL,
	"index" integer NOT NULL,
	CONSTRAINT "alias_pipeline_alias_pk" PRIMARY KEY("pipeline","alias")
);
--> statement-breakpoint
CREATE TABLE "beat" (
	"pipeline" integer NOT NULL,
	"slot" bigint NOT NULL,
	"part" integer NOT NULL,
	"index" integer NOT NULL,
	"kind" text NOT NULL,
	"generation" integer NOT NULL,
	"due_ms" bigint NOT NULL,
	"owner" text NOT NULL,
	"committed_ms" bigint NOT NULL,
	"send_by_ms" bigint NOT NULL,
	"restart_ms" bigint,
	"targets" integer[] NOT NULL,
	"sendings" smallint[],
	"first_offs" integer[],
	"last_offs" integer[],
	"attempts" smallint[],
	"reasons" jsonb,
	CONSTRAINT "beat_pipeline_slot_part_pk" PRIMARY KEY("pipeline","slot","part")
);
--> statement-breakpoint
CREATE TABLE "checkpoint" (
	"pipeline" integer NOT NULL,
	"number" integer NOT NULL,
	"id" text NOT NULL,
	"name" text NOT NULL,
	"retired" boolean DEFAULT false NOT NULL,
	"watermark" jsonb NOT NULL,
	"cursor" jsonb,
	"holder" text,
	"fence" bigint DEFAULT 0 NOT NULL,
	CONSTRAINT "checkpoint_pipeline_number_pk" PRIMARY KEY("pipeline","number")
);
--> statement-breakpoint
CREATE TABLE "finding" (
	"pipeline" integer NOT NULL,
	"checkpoint" integer NOT NULL,
	"kind" text NOT NULL,
	"hour_ms" bigint NOT NULL,
	"count" bigint NOT NULL,
	"first_ms" bigint NOT NULL,
	"last_ms" bigint NOT NULL,
	"sample" jsonb,
	CONSTRAINT "finding_pipeline_checkpoint_kind_hour_ms_pk" PRIMARY KEY("pipeline","checkpoint","kind","hour_ms")
);
--> statement-breakpoint
CREATE TABLE "generation" (
	"pipeline" integer NOT NULL,
	"number" integer NOT NULL,
	"hash" text NOT NULL,
	"spec" jsonb NOT NULL,
	"created_ms" bigint NOT NULL,
	CONSTRAINT "generation_pipeline_number_pk" PRIMARY KEY("pipeline","number")
);
--> statement-breakpoint
CREATE TABLE "mark" (
	"pipeline" integer NOT NULL,
	"checkpoint" integer NOT NULL,
	"slot" bigint NOT NULL,
	"part" integer NOT NULL,
	"next_due_ms" bigint,
	"counts" jsonb NOT NULL,
	"folded" boolean DEFAULT false NOT NULL,
	"exceptional" boolean DEFAULT false NOT NULL,
	"verdicts" smallint[],
	"seen_offs" integer[],
	"seen_after_offs" integer[],
	"flags" smallint[],
	"records" integer[],
	"notes" jsonb,
	CONSTRAINT "mark_pipeline_checkpoint_slot_part_pk" PRIMARY KEY("pipeline","checkpoint","slot","part")
);
--> statement-breakpoint
CREATE TABLE "meta" (
	"one" boolean PRIMARY KEY DEFAULT true NOT NULL,
	"store_id" text NOT NULL,
	"epochs" integer[] NOT NULL,
	"created_ms" bigint NOT NULL,
	"seed" text NOT NULL
);
--> statement-breakpoint
CREATE TABLE "orphan" (
	"pipeline" integer NOT NULL,
	"checkpoint" integer NOT NULL,
	"target" integer NOT NULL,
	"slot" bigint NOT NULL,
	"index" integer NOT NULL,
	"seen_ms" bigint NOT NULL,
	CONSTRAINT "orphan_pipeline_checkpoint_target_slot_index_pk" PRIMARY KEY("pipeline","checkpoint","target","slot","index")
);
--> statement-breakpoint
CREATE TABLE "pipeline" (
	"number" integer PRIMARY KEY GENERATED ALWAYS AS IDENTITY (sequence name "pipeline_number_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 2147483647 START WITH 1 CACHE 1),
	"id" text NOT NULL,
	"name" text NOT NULL,
	"generation" integer DEFAULT 0 NOT NULL,
	"planned_to_ms" bigint NOT NULL,
	"round" integer DEFAULT 0 NOT NULL,
	"retired" boolean DEFAULT false NOT NULL,
	CONSTRAINT "pipeline_id_unique" UNIQUE("id")
);
--> statement-breakpoint
CREATE TABLE "replica" (
	"self" text PRIMARY KEY NOT NULL,
	"seen_ms" bigint NOT NULL
);
--> statement-breakpoint
CREATE TABLE "rollup" (
	"pipeline" integer NOT NULL,
	"checkpoint" integer NOT NULL,
	"hour_ms" bigint NOT NULL,
	"counts" jsonb NOT NULL,
	"delays" jsonb,
	CONSTRAINT "rollup_pipeline_checkpoint_hour_ms_pk" PRIMARY KEY("pipeline","checkpoint","hour_ms")
);
--> statement-breakpoint
CREATE TABLE "sighting" (
	"pipeline" integer NOT NULL,
	"checkpoint" integer NOT NULL,
	"slot" bigint NOT NULL,
	"target" integer NOT NULL,
	"index" integer NOT NULL,
	"kind" smallint DEFAULT 0 NOT NULL,
	"seen_ms" bigint NOT NULL,
	"seen_after_ms" bigint,
	"ingested_ms" bigint,
	"record" integer,
	"copies" integer DEFAULT 1 NOT NULL,
	"look" bigint NOT NULL,
	"integrity" smallint DEFAULT 0 NOT NULL,
	"detail" jsonb
);
--> statement-breakpoint
CREATE TABLE "target" (
	"number" integer PRIMARY KEY GENERATED ALWAYS AS IDENTITY (sequence name "target_number_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 2147483647 START WITH 1 CACHE 1),
	"pipeline" integer NOT NULL,
	"name" text NOT NULL,
	"state" text NOT NULL,
	"since_ms" bigint NOT NULL
);
--> statement-breakpoint
CREATE INDEX "beat_sending" ON "beat" USING btree ("pipeline","send_by_ms") WHERE sendings is null;--> statement-breakpoint
CREATE UNIQUE INDEX "checkpoint_id" ON "checkpoint" USING btree ("pipeline","id");--> statement-breakpoint
CREATE UNIQUE INDEX "generation_hash" ON "generation" USING btree ("pipeline","hash");--> statement-breakpoint
CREATE INDEX "mark_due" ON "mark" USING btree ("pipeline","checkpoint","next_due_ms") WHERE next_due_ms is not null;--> statement-breakpoint
CREATE INDEX "mark_exceptional" ON "mark" USING btree ("pipeline","checkpoint","slot") WHERE exceptional;--> statement-breakpoint
CREATE INDEX "sighting_inbox" ON "sighting" USING btree ("pipeline","checkpoint");--> statement-breakpoint
CREATE UNIQUE INDEX "target_name" ON "target" USING btree ("pipeline","name");