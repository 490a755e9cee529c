-- Forgets that another migration has to make the table first.
ALTER TABLE reviews ADD COLUMN stars smallint NOT NULL;
