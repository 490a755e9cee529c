-- Fails: no migration creates the table `reviews`.
ALTER TABLE reviews ADD COLUMN stars smallint NOT NULL;
