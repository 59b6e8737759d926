-- What a product may ask for without a rendition, by operations in the path: formats, and the sides that are made where they are
-- not the usual ones. NULL: nothing. A change of an edge moves the revision of the matrix already (0005), so an answer that was
-- kept is asked for again.

alter table edge add column ad_hoc jsonb check (jsonb_typeof(ad_hoc) = 'object' and jsonb_typeof(ad_hoc -> 'formats') = 'array');
