-- 0015 bounds the address of a key set by a repetition that Postgres does not know (255 is its most), so that every address was
-- refused with an error: the length is said by itself.

alter table issuer drop constraint issuer_jwks_uri_check;
alter table issuer add constraint issuer_jwks_uri_check check (jwks_uri ~ '^https?://[!-~]+$' and length(jwks_uri) <= 500);
