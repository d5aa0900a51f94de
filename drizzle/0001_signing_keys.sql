CREATE TABLE "signing_key" (
	"fingerprint" text PRIMARY KEY NOT NULL,
	"first_ms" bigint NOT NULL,
	"last_ms" bigint NOT NULL
);
--> statement-breakpoint
ALTER TABLE "replica" ADD COLUMN "keys" text[];