[
  (expression_statement) (local_variable_declaration) (labeled_statement) (assert_statement) (do_statement)
  (break_statement) (continue_statement) (return_statement) (yield_statement) (synchronized_statement)
  (throw_statement) (try_statement) (catch_clause) (finally_clause) (try_with_resources_statement)
  (if_statement) (while_statement) (for_statement) (enhanced_for_statement) (switch_block_statement_group)
  (switch_rule) (package_declaration) (import_declaration) (class_declaration) (enum_declaration)
  (enum_constant) (interface_declaration) (record_declaration) (method_declaration)
  (constructor_declaration) (field_declaration)
] @statement
