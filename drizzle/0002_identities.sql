CREATE TABLE "identity" (
	"pipeline" integer NOT NULL,
	"checkpoint" integer NOT NULL,
	"identity" text NOT NULL,
	"key" integer NOT NULL,
	"seen_ms" bigint NOT NULL,
	"seen_after_ms" bigint,
	"ingested_ms" bigint,
	"record" integer,
	"copies" integer NOT NULL,
	"look" bigint NOT NULL,
	CONSTRAINT "identity_pipeline_checkpoint_identity_key_pk" PRIMARY KEY("pipeline","checkpoint","identity","key")
);
