-- Second
-- Nothing changes here.
SELECT 1;
