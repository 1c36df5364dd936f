-- The statements of The Open Harbor, as its SQLAlchemy writes them for psycopg2.

-- Signing up and in
INSERT INTO users (email, password_hash, is_active, created_at, last_login)
VALUES (%(email)s, %(password_hash)s, %(is_active)s, %(created_at)s, %(last_login)s);

SELECT users.id AS users_id, users.email AS users_email, users.password_hash AS users_password_hash,
  users.is_active AS users_is_active, users.created_at AS users_created_at, users.last_login AS users_last_login
FROM users
WHERE users.email = %(email_1)s
LIMIT %(param_1)s;

SELECT users.id AS users_id, users.email AS users_email FROM users WHERE users.id = %(pk_1)s;

UPDATE users SET last_login = %(last_login)s WHERE users.id = %(users_id)s;

-- Collections
INSERT INTO collections
  (uuid, name, description, privacy, password_hash, expires_at, created_at, updated_at, user_id)
VALUES (%(uuid)s, %(name)s, %(description)s, %(privacy)s, %(password_hash)s, %(expires_at)s, %(created_at)s,
  %(updated_at)s, %(user_id)s);

SELECT collections.id AS collections_id, collections.name AS collections_name,
  collections.updated_at AS collections_updated_at
FROM collections
WHERE collections.uuid = %(uuid_1)s
LIMIT %(param_1)s;

SELECT collections.id AS collections_id, collections.name AS collections_name FROM collections
WHERE collections.user_id = %(user_id_1)s ORDER BY collections.created_at DESC;

UPDATE collections SET name = %(name)s, updated_at = %(updated_at)s WHERE collections.id = %(collections_id)s;

DELETE FROM collections WHERE collections.id = %(id)s;

-- Files
INSERT INTO files
  (uuid, filename, original_filename, mime_type, size, storage_path, thumb_path, medium_path, thumbnail_path,
  upload_complete, storage_backend, metadata_json, created_at, collection_id)
VALUES (%(uuid)s, %(filename)s, %(original_filename)s, %(mime_type)s, %(size)s, %(storage_path)s, %(thumb_path)s,
  %(medium_path)s, %(thumbnail_path)s, %(upload_complete)s, %(storage_backend)s, %(metadata_json)s, %(created_at)s,
  %(collection_id)s);

SELECT files.id AS files_id, files.filename AS files_filename, files.storage_path AS files_storage_path FROM files
WHERE files.uuid = %(uuid_1)s
LIMIT %(param_1)s;

SELECT files.id AS files_id, files.storage_backend AS files_storage_backend, files.metadata_json AS files_metadata_json
FROM files
WHERE files.storage_backend = %(storage_backend_1)s;

SELECT count(files.id) AS count_1, sum(files.size) AS sum_1 FROM files
JOIN collections ON collections.id = files.collection_id
WHERE collections.user_id = %(user_id_1)s AND files.upload_complete;

UPDATE files SET upload_complete = %(upload_complete)s WHERE files.id = %(files_id)s;

DELETE FROM files WHERE files.id = %(id)s;
