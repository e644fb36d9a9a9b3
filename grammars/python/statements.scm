; One capture per statement that can be repeated as a unit.
[
  (expression_statement) (return_statement) (raise_statement) (assert_statement) (delete_statement)
  (pass_statement) (break_statement) (continue_statement) (global_statement) (nonlocal_statement)
  (import_statement) (import_from_statement) (future_import_statement) (type_alias_statement)
  (if_statement) (for_statement) (while_statement) (try_statement) (with_statement) (match_statement)
  (function_definition) (class_definition) (decorated_definition) (case_clause)
] @statement
