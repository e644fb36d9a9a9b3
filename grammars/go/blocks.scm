[(block) (field_declaration_list) (literal_value)] @block
