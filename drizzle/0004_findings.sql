CREATE TABLE "counted" (
	"pipeline" integer NOT NULL,
	"checkpoint" integer NOT NULL,
	"record" bigint NOT NULL,
	"seen_ms" bigint NOT NULL,
	CONSTRAINT "counted_pipeline_checkpoint_record_pk" PRIMARY KEY("pipeline","checkpoint","record")
);
--> statement-breakpoint
ALTER TABLE "identity" ADD COLUMN "otherwise" jsonb;