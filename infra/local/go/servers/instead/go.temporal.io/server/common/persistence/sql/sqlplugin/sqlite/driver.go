package sqlite

// Temporal is on Postgres here, and SQLite's is a tenth of all that would be compiled. A configuration that
// names it is refused when the server opens it: no driver of this name is registered.
const goSQLDriverName = "sqlite"

func (*db) IsDupEntryError(error) bool { return false }

func isTableExistsError(error) bool { return false }
