[
  (expression_statement) (declaration) (type_definition) (field_declaration) (return_statement)
  (break_statement) (continue_statement) (goto_statement) (labeled_statement) (if_statement) (else_clause)
  (switch_statement) (case_statement) (while_statement) (do_statement) (for_statement)
  (function_definition) (preproc_include) (preproc_def) (preproc_function_def) (enumerator)
] @statement
