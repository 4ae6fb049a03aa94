"""The inverted indexes of turns and calls: which terms a row has. Read by the migrations.

A term is ``project|field|value``; ``project@digits`` says in which stretch of time a row lies,
by the first digits of its key, so that the index alone answers for a stretch. A function that
changes needs its index built anew: it goes with a migration that does both.
"""

from __future__ import annotations

_BEGIN = """
DECLARE
  mine text := project || '|';
  hex text := translate(id::text, '-', '');
  terms text[];
  one text;
BEGIN
  terms := ARRAY[
    project || '@' || left(hex, 7), project || '@' || left(hex, 6),
    project || '@' || left(hex, 5), project || '@' || left(hex, 4),
    mine || 'model|' || left(model, 200), mine || 'provider|' || provider,
    mine || 'source|' || source, mine || 'verdict|' || verdict, mine || 'status|' || status,
    mine || 'user|' || left(who, 200), mine || 'environment|' || environment,
    mine || CASE WHEN cost IS NULL THEN 'lacks' ELSE 'has' END || '|cost',
    mine || CASE WHEN failed THEN 'has' ELSE 'lacks' END || '|error'];
  FOREACH one IN ARRAY codes LOOP terms := terms || (mine || 'finding|' || one); END LOOP;
  FOREACH one IN ARRAY tags LOOP terms := terms || (mine || 'tag|' || left(one, 200)); END LOOP;
  IF latency IS NOT NULL THEN
    terms := terms || (mine || 'latency|' ||
      CASE WHEN latency < 1 THEN 0 ELSE least(24, floor(ln(least(latency, 1e30)) / ln(2.0::float8)))
      END::int);
  END IF;
  IF cost IS NOT NULL THEN
    terms := terms || (mine || 'cost|' ||
      CASE WHEN cost < 0.000001 THEN 0
      ELSE least(30, floor(ln(cost::float8 * 1e6) / ln(2.0::float8))) END::int);
  END IF;
"""

CALL_TERMS = f"""
CREATE OR REPLACE FUNCTION conversations_call_terms(
  project bigint, id uuid, name text, version bigint, model text, provider text, source text,
  verdict text, status text, codes varchar[], tags varchar[], who text, environment text,
  wire_id text, latency float8, cost numeric, answered boolean, failed boolean)
RETURNS tsvector LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE COST 500 AS $body$
{_BEGIN.strip()}
  RETURN array_to_tsvector(terms || ARRAY[
    mine || 'tool|' || left(name, 200), mine || 'id|' || left(wire_id, 200),
    mine || 'version|' || coalesce(version::text, 'none'),
    mine || CASE WHEN version IS NULL THEN 'lacks' ELSE 'has' END || '|definition',
    mine || CASE WHEN answered THEN 'has' ELSE 'lacks' END || '|result']);
END $body$
"""

# JSON text with its escapes taken out: \n and \" part words, in arguments twice escaped too;
# \u00e9 is its letter, up to 64 different ones.
TURN_TERMS = rf"""
CREATE OR REPLACE FUNCTION conversations_turn_terms(
  project bigint, id uuid, model text, provider text, source text, verdict text, status text,
  codes varchar[], tags varchar[], who text, environment text, latency float8, cost numeric,
  streamed boolean, failed boolean, messages text, response text)
RETURNS tsvector LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE COST 5000 AS $body$
{_BEGIN.strip().replace("one text;", "one text; body text;", 1)}
  body := left(messages, 60000) || ' ' || left(response, 40000);
  IF position('\u' in body) > 0 THEN
    FOR one IN
      SELECT DISTINCT escape[1] FROM regexp_matches(body, '\\u([0-9a-fA-F]{{4}})', 'g') AS escape
      WHERE escape[1] !~* '^(d[89a-f]|00[01])' LIMIT 64
    LOOP
      body := regexp_replace(body, '\\+u' || one, chr(('x' || one)::bit(16)::int), 'g');
    END LOOP;
  END IF;
  RETURN array_to_tsvector(terms ||
    (mine || CASE WHEN streamed THEN 'has' ELSE 'lacks' END || '|stream'))
    || to_tsvector('pg_catalog.simple', regexp_replace(
      body, '\\+(u[0-9a-fA-F]{{4}}|[bfnrt"/])?', ' ', 'g'));
END $body$
"""

COPY_FROM_TURN = """
CREATE OR REPLACE FUNCTION conversations_call_of_turn() RETURNS trigger LANGUAGE plpgsql AS $body$
BEGIN
  SELECT t.source, t.provider, t."user", t.environment, t.tags
    INTO NEW.source, NEW.provider, NEW."user", NEW.environment, NEW.tags
    FROM conversations_turn t WHERE t.id = NEW.turn_id;
  NEW.source := coalesce(NEW.source, ''); NEW.provider := coalesce(NEW.provider, '');
  NEW."user" := coalesce(NEW."user", ''); NEW.environment := coalesce(NEW.environment, '');
  NEW.tags := coalesce(NEW.tags, '{}');
  RETURN NEW;
END $body$
"""

TRIGGER = """
CREATE TRIGGER call_of_turn BEFORE INSERT ON conversations_toolcall
FOR EACH ROW WHEN (NEW.source = '') EXECUTE FUNCTION conversations_call_of_turn()
"""

# @ stands before a column: for the alias of a table in a query, for nothing in the index.
CALL_ARGUMENTS = (
    "@project_id, @id, @name, @tool_version_id, @model, @provider, @source, @verdict, @status,"
    ' @codes, @tags, @"user", @environment, @call_id, @latency_ms, @cost, (@result IS NOT NULL),'
    " (@status = 'error')"
)
TURN_ARGUMENTS = (
    "@project_id, @id, @model, @provider, @source, @verdict, @status, @codes, @tags,"
    " @\"user\", @environment, @latency_ms, @cost, (@first_token_ms IS NOT NULL), (@error <> ''),"
    " @messages, @response"
)


def terms_of(alias: str, *, calls: bool) -> str:
    """The expression of the index for a table of this alias ("" in the index itself)."""
    name = "conversations_call_terms" if calls else "conversations_turn_terms"
    arguments = CALL_ARGUMENTS if calls else TURN_ARGUMENTS
    return f"{name}({arguments.replace('@', f'{alias}.' if alias else '')})"


INDEXES = [
    "CREATE INDEX call_terms ON conversations_toolcall USING gin"
    f" ({terms_of('', calls=True)}) WITH (gin_pending_list_limit = 2048)",
    "CREATE INDEX turn_terms ON conversations_turn USING gin"
    f" ({terms_of('', calls=False)}) WITH (gin_pending_list_limit = 2048)",
]
EVERY = [CALL_TERMS, TURN_TERMS, COPY_FROM_TURN, TRIGGER, *INDEXES]
UNDO = [
    "DROP INDEX turn_terms",
    "DROP INDEX call_terms",
    "DROP TRIGGER call_of_turn ON conversations_toolcall",
    "DROP FUNCTION conversations_call_of_turn, conversations_turn_terms, conversations_call_terms",
]
