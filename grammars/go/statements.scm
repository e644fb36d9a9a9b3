[
  (expression_statement) (send_statement) (inc_statement) (dec_statement) (assignment_statement)
  (short_var_declaration) (const_spec) (var_spec) (type_spec) (import_spec) (return_statement) (go_statement)
  (defer_statement) (if_statement) (for_statement) (expression_switch_statement) (type_switch_statement)
  (select_statement) (expression_case) (default_case) (type_case) (communication_case) (break_statement)
  (continue_statement) (goto_statement) (fallthrough_statement) (labeled_statement) (function_declaration)
  (method_declaration) (package_clause) (field_declaration)
] @statement
