[
  (expression_statement) (variable_declaration) (lexical_declaration) (return_statement) (throw_statement)
  (break_statement) (continue_statement) (debugger_statement) (import_statement) (export_statement)
  (if_statement) (else_clause) (switch_statement) (switch_case) (switch_default) (for_statement)
  (for_in_statement) (while_statement) (do_statement) (try_statement) (catch_clause) (finally_clause)
  (with_statement) (labeled_statement) (function_declaration) (generator_function_declaration)
  (class_declaration) (method_definition) (field_definition)
] @statement
