CREATE TABLE "chain" (
	"pipeline" integer NOT NULL,
	"number" integer NOT NULL,
	"checkpoint" integer NOT NULL,
	"hour_ms" bigint NOT NULL,
	"sealed_ms" bigint NOT NULL,
	"counts" jsonb NOT NULL,
	"delays_hash" text NOT NULL,
	"hash" text NOT NULL,
	CONSTRAINT "chain_pipeline_number_pk" PRIMARY KEY("pipeline","number")
);
--> statement-breakpoint
CREATE TABLE "detector" (
	"pipeline" integer NOT NULL,
	"checkpoint" integer NOT NULL,
	"objective" text NOT NULL,
	"fed_ms" bigint,
	"state" jsonb NOT NULL,
	"log_threshold" double precision NOT NULL,
	CONSTRAINT "detector_pipeline_checkpoint_objective_pk" PRIMARY KEY("pipeline","checkpoint","objective")
);
--> statement-breakpoint
CREATE TABLE "incident" (
	"number" integer PRIMARY KEY GENERATED ALWAYS AS IDENTITY (sequence name "incident_number_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 2147483647 START WITH 1 CACHE 1),
	"pipeline" integer NOT NULL,
	"checkpoint" integer NOT NULL,
	"kind" text NOT NULL,
	"began_ms" bigint NOT NULL,
	"detected_ms" bigint NOT NULL,
	"ended_ms" bigint,
	"quiet_ms" bigint,
	"reopened" integer DEFAULT 0 NOT NULL,
	"facts" jsonb NOT NULL,
	"state" jsonb NOT NULL
);
--> statement-breakpoint
CREATE TABLE "incident_note" (
	"incident" integer NOT NULL,
	"number" integer GENERATED ALWAYS AS IDENTITY (sequence name "incident_note_number_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 2147483647 START WITH 1 CACHE 1),
	"at_ms" bigint NOT NULL,
	"by" text NOT NULL,
	"kind" text NOT NULL,
	"text" text NOT NULL,
	CONSTRAINT "incident_note_incident_number_pk" PRIMARY KEY("incident","number")
);
--> statement-breakpoint
CREATE TABLE "outbox" (
	"incident" integer NOT NULL,
	"notifier" text NOT NULL,
	"sequence" integer NOT NULL,
	"event" text NOT NULL,
	"notice" jsonb NOT NULL,
	"created_ms" bigint NOT NULL,
	"next_ms" bigint NOT NULL,
	"attempts" integer DEFAULT 0 NOT NULL,
	"claimed_by" text,
	"claimed_until_ms" bigint,
	"state" text DEFAULT 'waiting' NOT NULL,
	"done_ms" bigint,
	"receipt" jsonb,
	"error" text,
	CONSTRAINT "outbox_incident_notifier_sequence_pk" PRIMARY KEY("incident","notifier","sequence")
);
--> statement-breakpoint
ALTER TABLE "rollup" ADD COLUMN "sealed" boolean DEFAULT false NOT NULL;--> statement-breakpoint
CREATE INDEX "chain_hour" ON "chain" USING btree ("pipeline","checkpoint","hour_ms");--> statement-breakpoint
CREATE UNIQUE INDEX "incident_open" ON "incident" USING btree ("pipeline","kind","checkpoint") WHERE ended_ms is null;--> statement-breakpoint
CREATE INDEX "incident_began" ON "incident" USING btree ("pipeline","began_ms");--> statement-breakpoint
CREATE INDEX "outbox_waiting" ON "outbox" USING btree ("next_ms") WHERE state = 'waiting';--> statement-breakpoint
CREATE INDEX "rollup_unsealed" ON "rollup" USING btree ("pipeline","hour_ms") WHERE not sealed;