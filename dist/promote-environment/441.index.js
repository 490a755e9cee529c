export const id = 441;
export const ids = [441];
export const modules = {

/***/ 3441:
/***/ ((__unused_webpack_module, __webpack_exports__, __webpack_require__) => {


// EXPORTS
__webpack_require__.d(__webpack_exports__, {
  DeleteParameterCommand: () => (/* reexport */ DeleteParameterCommand),
  GetParameterCommand: () => (/* reexport */ GetParameterCommand),
  GetParameterHistoryCommand: () => (/* reexport */ GetParameterHistoryCommand),
  GetParametersCommand: () => (/* reexport */ GetParametersCommand/* GetParametersCommand */.A),
  PutParameterCommand: () => (/* reexport */ PutParameterCommand),
  SSMClient: () => (/* reexport */ SSMClient)
});

// UNUSED EXPORTS: $Command, AccessDeniedException, AccessDeniedException$, AccessRequestStatus, AccessType, AccountSharingInfo$, Activation$, AddTagsToResource$, AddTagsToResourceCommand, AddTagsToResourceRequest$, AddTagsToResourceResult$, Alarm$, AlarmConfiguration$, AlarmStateInformation$, AlreadyExistsException, AlreadyExistsException$, AssociateOpsItemRelatedItem$, AssociateOpsItemRelatedItemCommand, AssociateOpsItemRelatedItemRequest$, AssociateOpsItemRelatedItemResponse$, AssociatedInstances, AssociatedInstances$, Association$, AssociationAlreadyExists, AssociationAlreadyExists$, AssociationComplianceSeverity, AssociationDescription$, AssociationDoesNotExist, AssociationDoesNotExist$, AssociationExecution$, AssociationExecutionDoesNotExist, AssociationExecutionDoesNotExist$, AssociationExecutionFilter$, AssociationExecutionFilterKey, AssociationExecutionTarget$, AssociationExecutionTargetsFilter$, AssociationExecutionTargetsFilterKey, AssociationFilter$, AssociationFilterKey, AssociationFilterOperatorType, AssociationLimitExceeded, AssociationLimitExceeded$, AssociationOverview$, AssociationStatus$, AssociationStatusName, AssociationSyncCompliance, AssociationVersionInfo$, AssociationVersionLimitExceeded, AssociationVersionLimitExceeded$, AttachmentContent$, AttachmentHashType, AttachmentInformation$, AttachmentsSource$, AttachmentsSourceKey, AutomationDefinitionNotApprovedException, AutomationDefinitionNotApprovedException$, AutomationDefinitionNotFoundException, AutomationDefinitionNotFoundException$, AutomationDefinitionVersionNotFoundException, AutomationDefinitionVersionNotFoundException$, AutomationExecution$, AutomationExecutionFilter$, AutomationExecutionFilterKey, AutomationExecutionInputs$, AutomationExecutionLimitExceededException, AutomationExecutionLimitExceededException$, AutomationExecutionMetadata$, AutomationExecutionNotFoundException, AutomationExecutionNotFoundException$, AutomationExecutionPreview$, AutomationExecutionStatus, AutomationStepNotFoundException, AutomationStepNotFoundException$, AutomationSubtype, AutomationType, AzureConfiguration$, AzureSubscription$, BaselineOverride$, CalendarState, CancelCommand$, CancelCommandCommand, CancelCommandRequest$, CancelCommandResult$, CancelMaintenanceWindowExecution$, CancelMaintenanceWindowExecutionCommand, CancelMaintenanceWindowExecutionRequest$, CancelMaintenanceWindowExecutionResult$, CloudConnectorConfiguration$, CloudConnectorFilter$, CloudConnectorFilterKey, CloudConnectorSummary$, CloudWatchOutputConfig$, Command$, CommandFilter$, CommandFilterKey, CommandInvocation$, CommandInvocationStatus, CommandPlugin$, CommandPluginStatus, CommandStatus, ComplianceExecutionSummary$, ComplianceItem$, ComplianceItemEntry$, ComplianceQueryOperatorType, ComplianceSeverity, ComplianceStatus, ComplianceStringFilter$, ComplianceSummaryItem$, ComplianceTypeCountLimitExceededException, ComplianceTypeCountLimitExceededException$, ComplianceUploadType, CompliantSummary$, ConfigurationTargets$, ConflictException, ConflictException$, ConnectionStatus, CreateActivation$, CreateActivationCommand, CreateActivationRequest$, CreateActivationResult$, CreateAssociation$, CreateAssociationBatch$, CreateAssociationBatchCommand, CreateAssociationBatchRequest$, CreateAssociationBatchRequestEntry$, CreateAssociationBatchResult$, CreateAssociationCommand, CreateAssociationRequest$, CreateAssociationResult$, CreateCloudConnector$, CreateCloudConnectorCommand, CreateCloudConnectorRequest$, CreateCloudConnectorResult$, CreateDocument$, CreateDocumentCommand, CreateDocumentRequest$, CreateDocumentResult$, CreateMaintenanceWindow$, CreateMaintenanceWindowCommand, CreateMaintenanceWindowRequest$, CreateMaintenanceWindowResult$, CreateOpsItem$, CreateOpsItemCommand, CreateOpsItemRequest$, CreateOpsItemResponse$, CreateOpsMetadata$, CreateOpsMetadataCommand, CreateOpsMetadataRequest$, CreateOpsMetadataResult$, CreatePatchBaseline$, CreatePatchBaselineCommand, CreatePatchBaselineRequest$, CreatePatchBaselineResult$, CreateResourceDataSync$, CreateResourceDataSyncCommand, CreateResourceDataSyncRequest$, CreateResourceDataSyncResult$, Credentials$, CustomSchemaCountLimitExceededException, CustomSchemaCountLimitExceededException$, DHMCPermissionModel, DeleteActivation$, DeleteActivationCommand, DeleteActivationRequest$, DeleteActivationResult$, DeleteAssociation$, DeleteAssociationCommand, DeleteAssociationRequest$, DeleteAssociationResult$, DeleteCloudConnector$, DeleteCloudConnectorCommand, DeleteCloudConnectorRequest$, DeleteCloudConnectorResult$, DeleteDocument$, DeleteDocumentCommand, DeleteDocumentRequest$, DeleteDocumentResult$, DeleteInventory$, DeleteInventoryCommand, DeleteInventoryRequest$, DeleteInventoryResult$, DeleteMaintenanceWindow$, DeleteMaintenanceWindowCommand, DeleteMaintenanceWindowRequest$, DeleteMaintenanceWindowResult$, DeleteOpsItem$, DeleteOpsItemCommand, DeleteOpsItemRequest$, DeleteOpsItemResponse$, DeleteOpsMetadata$, DeleteOpsMetadataCommand, DeleteOpsMetadataRequest$, DeleteOpsMetadataResult$, DeleteParameter$, DeleteParameterRequest$, DeleteParameterResult$, DeleteParameters$, DeleteParametersCommand, DeleteParametersRequest$, DeleteParametersResult$, DeletePatchBaseline$, DeletePatchBaselineCommand, DeletePatchBaselineRequest$, DeletePatchBaselineResult$, DeleteResourceDataSync$, DeleteResourceDataSyncCommand, DeleteResourceDataSyncRequest$, DeleteResourceDataSyncResult$, DeleteResourcePolicy$, DeleteResourcePolicyCommand, DeleteResourcePolicyRequest$, DeleteResourcePolicyResponse$, DeletionMode, DeregisterDefaultHostManagementConfiguration$, DeregisterDefaultHostManagementConfigurationCommand, DeregisterDefaultHostManagementConfigurationRequest$, DeregisterDefaultHostManagementConfigurationResult$, DeregisterManagedInstance$, DeregisterManagedInstanceCommand, DeregisterManagedInstanceRequest$, DeregisterManagedInstanceResult$, DeregisterPatchBaselineForPatchGroup$, DeregisterPatchBaselineForPatchGroupCommand, DeregisterPatchBaselineForPatchGroupRequest$, DeregisterPatchBaselineForPatchGroupResult$, DeregisterTargetFromMaintenanceWindow$, DeregisterTargetFromMaintenanceWindowCommand, DeregisterTargetFromMaintenanceWindowRequest$, DeregisterTargetFromMaintenanceWindowResult$, DeregisterTaskFromMaintenanceWindow$, DeregisterTaskFromMaintenanceWindowCommand, DeregisterTaskFromMaintenanceWindowRequest$, DeregisterTaskFromMaintenanceWindowResult$, DescribeActivations$, DescribeActivationsCommand, DescribeActivationsFilter$, DescribeActivationsFilterKeys, DescribeActivationsRequest$, DescribeActivationsResult$, DescribeAssociation$, DescribeAssociationCommand, DescribeAssociationExecutionTargets$, DescribeAssociationExecutionTargetsCommand, DescribeAssociationExecutionTargetsRequest$, DescribeAssociationExecutionTargetsResult$, DescribeAssociationExecutions$, DescribeAssociationExecutionsCommand, DescribeAssociationExecutionsRequest$, DescribeAssociationExecutionsResult$, DescribeAssociationRequest$, DescribeAssociationResult$, DescribeAutomationExecutions$, DescribeAutomationExecutionsCommand, DescribeAutomationExecutionsRequest$, DescribeAutomationExecutionsResult$, DescribeAutomationStepExecutions$, DescribeAutomationStepExecutionsCommand, DescribeAutomationStepExecutionsRequest$, DescribeAutomationStepExecutionsResult$, DescribeAvailablePatches$, DescribeAvailablePatchesCommand, DescribeAvailablePatchesRequest$, DescribeAvailablePatchesResult$, DescribeDocument$, DescribeDocumentCommand, DescribeDocumentPermission$, DescribeDocumentPermissionCommand, DescribeDocumentPermissionRequest$, DescribeDocumentPermissionResponse$, DescribeDocumentRequest$, DescribeDocumentResult$, DescribeEffectiveInstanceAssociations$, DescribeEffectiveInstanceAssociationsCommand, DescribeEffectiveInstanceAssociationsRequest$, DescribeEffectiveInstanceAssociationsResult$, DescribeEffectivePatchesForPatchBaseline$, DescribeEffectivePatchesForPatchBaselineCommand, DescribeEffectivePatchesForPatchBaselineRequest$, DescribeEffectivePatchesForPatchBaselineResult$, DescribeInstanceAssociationsStatus$, DescribeInstanceAssociationsStatusCommand, DescribeInstanceAssociationsStatusRequest$, DescribeInstanceAssociationsStatusResult$, DescribeInstanceInformation$, DescribeInstanceInformationCommand, DescribeInstanceInformationRequest$, DescribeInstanceInformationResult$, DescribeInstancePatchStates$, DescribeInstancePatchStatesCommand, DescribeInstancePatchStatesForPatchGroup$, DescribeInstancePatchStatesForPatchGroupCommand, DescribeInstancePatchStatesForPatchGroupRequest$, DescribeInstancePatchStatesForPatchGroupResult$, DescribeInstancePatchStatesRequest$, DescribeInstancePatchStatesResult$, DescribeInstancePatches$, DescribeInstancePatchesCommand, DescribeInstancePatchesRequest$, DescribeInstancePatchesResult$, DescribeInstanceProperties$, DescribeInstancePropertiesCommand, DescribeInstancePropertiesRequest$, DescribeInstancePropertiesResult$, DescribeInventoryDeletions$, DescribeInventoryDeletionsCommand, DescribeInventoryDeletionsRequest$, DescribeInventoryDeletionsResult$, DescribeMaintenanceWindowExecutionTaskInvocations$, DescribeMaintenanceWindowExecutionTaskInvocationsCommand, DescribeMaintenanceWindowExecutionTaskInvocationsRequest$, DescribeMaintenanceWindowExecutionTaskInvocationsResult$, DescribeMaintenanceWindowExecutionTasks$, DescribeMaintenanceWindowExecutionTasksCommand, DescribeMaintenanceWindowExecutionTasksRequest$, DescribeMaintenanceWindowExecutionTasksResult$, DescribeMaintenanceWindowExecutions$, DescribeMaintenanceWindowExecutionsCommand, DescribeMaintenanceWindowExecutionsRequest$, DescribeMaintenanceWindowExecutionsResult$, DescribeMaintenanceWindowSchedule$, DescribeMaintenanceWindowScheduleCommand, DescribeMaintenanceWindowScheduleRequest$, DescribeMaintenanceWindowScheduleResult$, DescribeMaintenanceWindowTargets$, DescribeMaintenanceWindowTargetsCommand, DescribeMaintenanceWindowTargetsRequest$, DescribeMaintenanceWindowTargetsResult$, DescribeMaintenanceWindowTasks$, DescribeMaintenanceWindowTasksCommand, DescribeMaintenanceWindowTasksRequest$, DescribeMaintenanceWindowTasksResult$, DescribeMaintenanceWindows$, DescribeMaintenanceWindowsCommand, DescribeMaintenanceWindowsForTarget$, DescribeMaintenanceWindowsForTargetCommand, DescribeMaintenanceWindowsForTargetRequest$, DescribeMaintenanceWindowsForTargetResult$, DescribeMaintenanceWindowsRequest$, DescribeMaintenanceWindowsResult$, DescribeOpsItems$, DescribeOpsItemsCommand, DescribeOpsItemsRequest$, DescribeOpsItemsResponse$, DescribeParameters$, DescribeParametersCommand, DescribeParametersRequest$, DescribeParametersResult$, DescribePatchBaselines$, DescribePatchBaselinesCommand, DescribePatchBaselinesRequest$, DescribePatchBaselinesResult$, DescribePatchGroupState$, DescribePatchGroupStateCommand, DescribePatchGroupStateRequest$, DescribePatchGroupStateResult$, DescribePatchGroups$, DescribePatchGroupsCommand, DescribePatchGroupsRequest$, DescribePatchGroupsResult$, DescribePatchProperties$, DescribePatchPropertiesCommand, DescribePatchPropertiesRequest$, DescribePatchPropertiesResult$, DescribeSessions$, DescribeSessionsCommand, DescribeSessionsRequest$, DescribeSessionsResponse$, DisassociateOpsItemRelatedItem$, DisassociateOpsItemRelatedItemCommand, DisassociateOpsItemRelatedItemRequest$, DisassociateOpsItemRelatedItemResponse$, DocumentAlreadyExists, DocumentAlreadyExists$, DocumentDefaultVersionDescription$, DocumentDescription$, DocumentFilter$, DocumentFilterKey, DocumentFormat, DocumentHashType, DocumentIdentifier$, DocumentKeyValuesFilter$, DocumentLimitExceeded, DocumentLimitExceeded$, DocumentMetadataEnum, DocumentMetadataResponseInfo$, DocumentParameter$, DocumentParameterType, DocumentPermissionLimit, DocumentPermissionLimit$, DocumentPermissionType, DocumentRequires$, DocumentReviewAction, DocumentReviewCommentSource$, DocumentReviewCommentType, DocumentReviewerResponseSource$, DocumentReviews$, DocumentStatus, DocumentType, DocumentVersionInfo$, DocumentVersionLimitExceeded, DocumentVersionLimitExceeded$, DoesNotExistException, DoesNotExistException$, DuplicateDocumentContent, DuplicateDocumentContent$, DuplicateDocumentVersionName, DuplicateDocumentVersionName$, DuplicateInstanceId, DuplicateInstanceId$, EffectivePatch$, ExecutionInputs$, ExecutionMode, ExecutionPreview$, ExecutionPreviewStatus, ExternalAlarmState, FailedCreateAssociation$, FailureDetails$, Fault, FeatureNotAvailableException, FeatureNotAvailableException$, GcpConfiguration$, GcpConfigurationTargets$, GcpProject$, GetAccessToken$, GetAccessTokenCommand, GetAccessTokenRequest$, GetAccessTokenResponse$, GetAutomationExecution$, GetAutomationExecutionCommand, GetAutomationExecutionRequest$, GetAutomationExecutionResult$, GetCalendarState$, GetCalendarStateCommand, GetCalendarStateRequest$, GetCalendarStateResponse$, GetCloudConnector$, GetCloudConnectorCommand, GetCloudConnectorRequest$, GetCloudConnectorResult$, GetCommandInvocation$, GetCommandInvocationCommand, GetCommandInvocationRequest$, GetCommandInvocationResult$, GetConnectionStatus$, GetConnectionStatusCommand, GetConnectionStatusRequest$, GetConnectionStatusResponse$, GetDefaultPatchBaseline$, GetDefaultPatchBaselineCommand, GetDefaultPatchBaselineRequest$, GetDefaultPatchBaselineResult$, GetDeployablePatchSnapshotForInstance$, GetDeployablePatchSnapshotForInstanceCommand, GetDeployablePatchSnapshotForInstanceRequest$, GetDeployablePatchSnapshotForInstanceResult$, GetDocument$, GetDocumentCommand, GetDocumentRequest$, GetDocumentResult$, GetExecutionPreview$, GetExecutionPreviewCommand, GetExecutionPreviewRequest$, GetExecutionPreviewResponse$, GetInventory$, GetInventoryCommand, GetInventoryRequest$, GetInventoryResult$, GetInventorySchema$, GetInventorySchemaCommand, GetInventorySchemaRequest$, GetInventorySchemaResult$, GetMaintenanceWindow$, GetMaintenanceWindowCommand, GetMaintenanceWindowExecution$, GetMaintenanceWindowExecutionCommand, GetMaintenanceWindowExecutionRequest$, GetMaintenanceWindowExecutionResult$, GetMaintenanceWindowExecutionTask$, GetMaintenanceWindowExecutionTaskCommand, GetMaintenanceWindowExecutionTaskInvocation$, GetMaintenanceWindowExecutionTaskInvocationCommand, GetMaintenanceWindowExecutionTaskInvocationRequest$, GetMaintenanceWindowExecutionTaskInvocationResult$, GetMaintenanceWindowExecutionTaskRequest$, GetMaintenanceWindowExecutionTaskResult$, GetMaintenanceWindowRequest$, GetMaintenanceWindowResult$, GetMaintenanceWindowTask$, GetMaintenanceWindowTaskCommand, GetMaintenanceWindowTaskRequest$, GetMaintenanceWindowTaskResult$, GetOpsItem$, GetOpsItemCommand, GetOpsItemRequest$, GetOpsItemResponse$, GetOpsMetadata$, GetOpsMetadataCommand, GetOpsMetadataRequest$, GetOpsMetadataResult$, GetOpsSummary$, GetOpsSummaryCommand, GetOpsSummaryRequest$, GetOpsSummaryResult$, GetParameter$, GetParameterHistory$, GetParameterHistoryRequest$, GetParameterHistoryResult$, GetParameterRequest$, GetParameterResult$, GetParameters$, GetParametersByPath$, GetParametersByPathCommand, GetParametersByPathRequest$, GetParametersByPathResult$, GetParametersRequest$, GetParametersResult$, GetPatchBaseline$, GetPatchBaselineCommand, GetPatchBaselineForPatchGroup$, GetPatchBaselineForPatchGroupCommand, GetPatchBaselineForPatchGroupRequest$, GetPatchBaselineForPatchGroupResult$, GetPatchBaselineRequest$, GetPatchBaselineResult$, GetResourcePolicies$, GetResourcePoliciesCommand, GetResourcePoliciesRequest$, GetResourcePoliciesResponse$, GetResourcePoliciesResponseEntry$, GetServiceSetting$, GetServiceSettingCommand, GetServiceSettingRequest$, GetServiceSettingResult$, HierarchyLevelLimitExceededException, HierarchyLevelLimitExceededException$, HierarchyTypeMismatchException, HierarchyTypeMismatchException$, IdempotentParameterMismatch, IdempotentParameterMismatch$, ImpactType, IncompatiblePolicyException, IncompatiblePolicyException$, InstanceAggregatedAssociationOverview$, InstanceAssociation$, InstanceAssociationOutputLocation$, InstanceAssociationOutputUrl$, InstanceAssociationStatusInfo$, InstanceInfo$, InstanceInformation$, InstanceInformationFilter$, InstanceInformationFilterKey, InstanceInformationStringFilter$, InstancePatchState$, InstancePatchStateFilter$, InstancePatchStateOperatorType, InstanceProperty$, InstancePropertyFilter$, InstancePropertyFilterKey, InstancePropertyFilterOperator, InstancePropertyStringFilter$, InternalServerError, InternalServerError$, InvalidActivation, InvalidActivation$, InvalidActivationId, InvalidActivationId$, InvalidAggregatorException, InvalidAggregatorException$, InvalidAllowedPatternException, InvalidAllowedPatternException$, InvalidAssociation, InvalidAssociation$, InvalidAssociationVersion, InvalidAssociationVersion$, InvalidAutomationExecutionParametersException, InvalidAutomationExecutionParametersException$, InvalidAutomationSignalException, InvalidAutomationSignalException$, InvalidAutomationStatusUpdateException, InvalidAutomationStatusUpdateException$, InvalidCommandId, InvalidCommandId$, InvalidDeleteInventoryParametersException, InvalidDeleteInventoryParametersException$, InvalidDeletionIdException, InvalidDeletionIdException$, InvalidDocument, InvalidDocument$, InvalidDocumentContent, InvalidDocumentContent$, InvalidDocumentOperation, InvalidDocumentOperation$, InvalidDocumentSchemaVersion, InvalidDocumentSchemaVersion$, InvalidDocumentType, InvalidDocumentType$, InvalidDocumentVersion, InvalidDocumentVersion$, InvalidFilter, InvalidFilter$, InvalidFilterKey, InvalidFilterKey$, InvalidFilterOption, InvalidFilterOption$, InvalidFilterValue, InvalidFilterValue$, InvalidInstanceId, InvalidInstanceId$, InvalidInstanceInformationFilterValue, InvalidInstanceInformationFilterValue$, InvalidInstancePropertyFilterValue, InvalidInstancePropertyFilterValue$, InvalidInventoryGroupException, InvalidInventoryGroupException$, InvalidInventoryItemContextException, InvalidInventoryItemContextException$, InvalidInventoryRequestException, InvalidInventoryRequestException$, InvalidItemContentException, InvalidItemContentException$, InvalidKeyId, InvalidKeyId$, InvalidNextToken, InvalidNextToken$, InvalidNotificationConfig, InvalidNotificationConfig$, InvalidOptionException, InvalidOptionException$, InvalidOutputFolder, InvalidOutputFolder$, InvalidOutputLocation, InvalidOutputLocation$, InvalidParameters, InvalidParameters$, InvalidPermissionType, InvalidPermissionType$, InvalidPluginName, InvalidPluginName$, InvalidPolicyAttributeException, InvalidPolicyAttributeException$, InvalidPolicyTypeException, InvalidPolicyTypeException$, InvalidResourceId, InvalidResourceId$, InvalidResourceType, InvalidResourceType$, InvalidResultAttributeException, InvalidResultAttributeException$, InvalidRole, InvalidRole$, InvalidSchedule, InvalidSchedule$, InvalidTag, InvalidTag$, InvalidTarget, InvalidTarget$, InvalidTargetMaps, InvalidTargetMaps$, InvalidTypeNameException, InvalidTypeNameException$, InvalidUpdate, InvalidUpdate$, InventoryAggregator$, InventoryAttributeDataType, InventoryDeletionStatus, InventoryDeletionStatusItem$, InventoryDeletionSummary$, InventoryDeletionSummaryItem$, InventoryFilter$, InventoryGroup$, InventoryItem$, InventoryItemAttribute$, InventoryItemSchema$, InventoryQueryOperatorType, InventoryResultEntity$, InventoryResultItem$, InventorySchemaDeleteOption, InvocationDoesNotExist, InvocationDoesNotExist$, ItemContentMismatchException, ItemContentMismatchException$, ItemSizeLimitExceededException, ItemSizeLimitExceededException$, LabelParameterVersion$, LabelParameterVersionCommand, LabelParameterVersionRequest$, LabelParameterVersionResult$, LastResourceDataSyncStatus, ListAssociationVersions$, ListAssociationVersionsCommand, ListAssociationVersionsRequest$, ListAssociationVersionsResult$, ListAssociations$, ListAssociationsCommand, ListAssociationsRequest$, ListAssociationsResult$, ListCloudConnectors$, ListCloudConnectorsCommand, ListCloudConnectorsRequest$, ListCloudConnectorsResult$, ListCommandInvocations$, ListCommandInvocationsCommand, ListCommandInvocationsRequest$, ListCommandInvocationsResult$, ListCommands$, ListCommandsCommand, ListCommandsRequest$, ListCommandsResult$, ListComplianceItems$, ListComplianceItemsCommand, ListComplianceItemsRequest$, ListComplianceItemsResult$, ListComplianceSummaries$, ListComplianceSummariesCommand, ListComplianceSummariesRequest$, ListComplianceSummariesResult$, ListDocumentMetadataHistory$, ListDocumentMetadataHistoryCommand, ListDocumentMetadataHistoryRequest$, ListDocumentMetadataHistoryResponse$, ListDocumentVersions$, ListDocumentVersionsCommand, ListDocumentVersionsRequest$, ListDocumentVersionsResult$, ListDocuments$, ListDocumentsCommand, ListDocumentsRequest$, ListDocumentsResult$, ListInventoryEntries$, ListInventoryEntriesCommand, ListInventoryEntriesRequest$, ListInventoryEntriesResult$, ListNodes$, ListNodesCommand, ListNodesRequest$, ListNodesResult$, ListNodesSummary$, ListNodesSummaryCommand, ListNodesSummaryRequest$, ListNodesSummaryResult$, ListOpsItemEvents$, ListOpsItemEventsCommand, ListOpsItemEventsRequest$, ListOpsItemEventsResponse$, ListOpsItemRelatedItems$, ListOpsItemRelatedItemsCommand, ListOpsItemRelatedItemsRequest$, ListOpsItemRelatedItemsResponse$, ListOpsMetadata$, ListOpsMetadataCommand, ListOpsMetadataRequest$, ListOpsMetadataResult$, ListResourceComplianceSummaries$, ListResourceComplianceSummariesCommand, ListResourceComplianceSummariesRequest$, ListResourceComplianceSummariesResult$, ListResourceDataSync$, ListResourceDataSyncCommand, ListResourceDataSyncRequest$, ListResourceDataSyncResult$, ListTagsForResource$, ListTagsForResourceCommand, ListTagsForResourceRequest$, ListTagsForResourceResult$, LoggingInfo$, MaintenanceWindowAutomationParameters$, MaintenanceWindowExecution$, MaintenanceWindowExecutionStatus, MaintenanceWindowExecutionTaskIdentity$, MaintenanceWindowExecutionTaskInvocationIdentity$, MaintenanceWindowFilter$, MaintenanceWindowIdentity$, MaintenanceWindowIdentityForTarget$, MaintenanceWindowLambdaParameters$, MaintenanceWindowResourceType, MaintenanceWindowRunCommandParameters$, MaintenanceWindowStepFunctionsParameters$, MaintenanceWindowTarget$, MaintenanceWindowTask$, MaintenanceWindowTaskCutoffBehavior, MaintenanceWindowTaskInvocationParameters$, MaintenanceWindowTaskParameterValueExpression$, MaintenanceWindowTaskType, MalformedResourcePolicyDocumentException, MalformedResourcePolicyDocumentException$, ManagedStatus, MaxDocumentSizeExceeded, MaxDocumentSizeExceeded$, MetadataValue$, ModifyDocumentPermission$, ModifyDocumentPermissionCommand, ModifyDocumentPermissionRequest$, ModifyDocumentPermissionResponse$, NoLongerSupportedException, NoLongerSupportedException$, Node$, NodeAggregator$, NodeAggregatorType, NodeAttributeName, NodeFilter$, NodeFilterKey, NodeFilterOperatorType, NodeOwnerInfo$, NodeType$, NodeTypeName, NonCompliantSummary$, NotificationConfig$, NotificationEvent, NotificationType, OperatingSystem, OpsAggregator$, OpsEntity$, OpsEntityItem$, OpsFilter$, OpsFilterOperatorType, OpsItem$, OpsItemAccessDeniedException, OpsItemAccessDeniedException$, OpsItemAlreadyExistsException, OpsItemAlreadyExistsException$, OpsItemConflictException, OpsItemConflictException$, OpsItemDataType, OpsItemDataValue$, OpsItemEventFilter$, OpsItemEventFilterKey, OpsItemEventFilterOperator, OpsItemEventSummary$, OpsItemFilter$, OpsItemFilterKey, OpsItemFilterOperator, OpsItemIdentity$, OpsItemInvalidParameterException, OpsItemInvalidParameterException$, OpsItemLimitExceededException, OpsItemLimitExceededException$, OpsItemNotFoundException, OpsItemNotFoundException$, OpsItemNotification$, OpsItemRelatedItemAlreadyExistsException, OpsItemRelatedItemAlreadyExistsException$, OpsItemRelatedItemAssociationNotFoundException, OpsItemRelatedItemAssociationNotFoundException$, OpsItemRelatedItemSummary$, OpsItemRelatedItemsFilter$, OpsItemRelatedItemsFilterKey, OpsItemRelatedItemsFilterOperator, OpsItemStatus, OpsItemSummary$, OpsMetadata$, OpsMetadataAlreadyExistsException, OpsMetadataAlreadyExistsException$, OpsMetadataFilter$, OpsMetadataInvalidArgumentException, OpsMetadataInvalidArgumentException$, OpsMetadataKeyLimitExceededException, OpsMetadataKeyLimitExceededException$, OpsMetadataLimitExceededException, OpsMetadataLimitExceededException$, OpsMetadataNotFoundException, OpsMetadataNotFoundException$, OpsMetadataTooManyUpdatesException, OpsMetadataTooManyUpdatesException$, OpsResultAttribute$, OutputSource$, Parameter$, ParameterAlreadyExists, ParameterAlreadyExists$, ParameterHistory$, ParameterInlinePolicy$, ParameterLimitExceeded, ParameterLimitExceeded$, ParameterMaxVersionLimitExceeded, ParameterMaxVersionLimitExceeded$, ParameterMetadata$, ParameterNotFound, ParameterNotFound$, ParameterPatternMismatchException, ParameterPatternMismatchException$, ParameterStringFilter$, ParameterTier, ParameterType, ParameterVersionLabelLimitExceeded, ParameterVersionLabelLimitExceeded$, ParameterVersionNotFound, ParameterVersionNotFound$, ParametersFilter$, ParametersFilterKey, ParentStepDetails$, Patch$, PatchAction, PatchBaselineIdentity$, PatchComplianceData$, PatchComplianceDataState, PatchComplianceLevel, PatchComplianceStatus, PatchDeploymentStatus, PatchFilter$, PatchFilterGroup$, PatchFilterKey, PatchGroupPatchBaselineMapping$, PatchOperationType, PatchOrchestratorFilter$, PatchProperty, PatchRule$, PatchRuleGroup$, PatchSet, PatchSource$, PatchStatus$, PingStatus, PlatformType, PoliciesLimitExceededException, PoliciesLimitExceededException$, ProgressCounters$, Provider, PutComplianceItems$, PutComplianceItemsCommand, PutComplianceItemsRequest$, PutComplianceItemsResult$, PutInventory$, PutInventoryCommand, PutInventoryRequest$, PutInventoryResult$, PutParameter$, PutParameterRequest$, PutParameterResult$, PutResourcePolicy$, PutResourcePolicyCommand, PutResourcePolicyRequest$, PutResourcePolicyResponse$, RebootOption, RegisterDefaultHostManagementConfiguration$, RegisterDefaultHostManagementConfigurationCommand, RegisterDefaultHostManagementConfigurationRequest$, RegisterDefaultHostManagementConfigurationResult$, RegisterDefaultPatchBaseline$, RegisterDefaultPatchBaselineCommand, RegisterDefaultPatchBaselineRequest$, RegisterDefaultPatchBaselineResult$, RegisterPatchBaselineForPatchGroup$, RegisterPatchBaselineForPatchGroupCommand, RegisterPatchBaselineForPatchGroupRequest$, RegisterPatchBaselineForPatchGroupResult$, RegisterTargetWithMaintenanceWindow$, RegisterTargetWithMaintenanceWindowCommand, RegisterTargetWithMaintenanceWindowRequest$, RegisterTargetWithMaintenanceWindowResult$, RegisterTaskWithMaintenanceWindow$, RegisterTaskWithMaintenanceWindowCommand, RegisterTaskWithMaintenanceWindowRequest$, RegisterTaskWithMaintenanceWindowResult$, RegistrationMetadataItem$, RelatedOpsItem$, RemoveTagsFromResource$, RemoveTagsFromResourceCommand, RemoveTagsFromResourceRequest$, RemoveTagsFromResourceResult$, ResetServiceSetting$, ResetServiceSettingCommand, ResetServiceSettingRequest$, ResetServiceSettingResult$, ResolvedTargets$, ResourceComplianceSummaryItem$, ResourceDataSyncAlreadyExistsException, ResourceDataSyncAlreadyExistsException$, ResourceDataSyncAwsOrganizationsSource$, ResourceDataSyncConflictException, ResourceDataSyncConflictException$, ResourceDataSyncCountExceededException, ResourceDataSyncCountExceededException$, ResourceDataSyncDestinationDataSharing$, ResourceDataSyncInvalidConfigurationException, ResourceDataSyncInvalidConfigurationException$, ResourceDataSyncItem$, ResourceDataSyncNotFoundException, ResourceDataSyncNotFoundException$, ResourceDataSyncOrganizationalUnit$, ResourceDataSyncS3Destination$, ResourceDataSyncS3Format, ResourceDataSyncSource$, ResourceDataSyncSourceWithState$, ResourceInUseException, ResourceInUseException$, ResourceLimitExceededException, ResourceLimitExceededException$, ResourceNotFoundException, ResourceNotFoundException$, ResourcePolicyConflictException, ResourcePolicyConflictException$, ResourcePolicyInvalidParameterException, ResourcePolicyInvalidParameterException$, ResourcePolicyLimitExceededException, ResourcePolicyLimitExceededException$, ResourcePolicyNotFoundException, ResourcePolicyNotFoundException$, ResourceType, ResourceTypeForTagging, ResultAttribute$, ResumeSession$, ResumeSessionCommand, ResumeSessionRequest$, ResumeSessionResponse$, ReviewInformation$, ReviewStatus, Runbook$, S3OutputLocation$, S3OutputUrl$, SSM, SSMServiceException, SSMServiceException$, ScheduledWindowExecution$, SendAutomationSignal$, SendAutomationSignalCommand, SendAutomationSignalRequest$, SendAutomationSignalResult$, SendCommand$, SendCommandCommand, SendCommandRequest$, SendCommandResult$, ServiceQuotaExceededException, ServiceQuotaExceededException$, ServiceSetting$, ServiceSettingNotFound, ServiceSettingNotFound$, Session$, SessionFilter$, SessionFilterKey, SessionManagerOutputUrl$, SessionState, SessionStatus, SeveritySummary$, SignalType, SourceType, StartAccessRequest$, StartAccessRequestCommand, StartAccessRequestRequest$, StartAccessRequestResponse$, StartAssociationsOnce$, StartAssociationsOnceCommand, StartAssociationsOnceRequest$, StartAssociationsOnceResult$, StartAutomationExecution$, StartAutomationExecutionCommand, StartAutomationExecutionRequest$, StartAutomationExecutionResult$, StartChangeRequestExecution$, StartChangeRequestExecutionCommand, StartChangeRequestExecutionRequest$, StartChangeRequestExecutionResult$, StartExecutionPreview$, StartExecutionPreviewCommand, StartExecutionPreviewRequest$, StartExecutionPreviewResponse$, StartSession$, StartSessionCommand, StartSessionRequest$, StartSessionResponse$, StatusUnchanged, StatusUnchanged$, StepExecution$, StepExecutionFilter$, StepExecutionFilterKey, StopAutomationExecution$, StopAutomationExecutionCommand, StopAutomationExecutionRequest$, StopAutomationExecutionResult$, StopType, SubTypeCountLimitExceededException, SubTypeCountLimitExceededException$, Tag$, Target$, TargetInUseException, TargetInUseException$, TargetLocation$, TargetNotConnected, TargetNotConnected$, TargetPreview$, TargetsSummary$, TerminateSession$, TerminateSessionCommand, TerminateSessionRequest$, TerminateSessionResponse$, ThrottlingException, ThrottlingException$, TooManyTagsError, TooManyTagsError$, TooManyUpdates, TooManyUpdates$, TotalSizeLimitExceededException, TotalSizeLimitExceededException$, UnlabelParameterVersion$, UnlabelParameterVersionCommand, UnlabelParameterVersionRequest$, UnlabelParameterVersionResult$, UnsupportedCalendarException, UnsupportedCalendarException$, UnsupportedFeatureRequiredException, UnsupportedFeatureRequiredException$, UnsupportedInventoryItemContextException, UnsupportedInventoryItemContextException$, UnsupportedInventorySchemaVersionException, UnsupportedInventorySchemaVersionException$, UnsupportedOperatingSystem, UnsupportedOperatingSystem$, UnsupportedOperationException, UnsupportedOperationException$, UnsupportedParameterType, UnsupportedParameterType$, UnsupportedPlatformType, UnsupportedPlatformType$, UpdateAssociation$, UpdateAssociationCommand, UpdateAssociationRequest$, UpdateAssociationResult$, UpdateAssociationStatus$, UpdateAssociationStatusCommand, UpdateAssociationStatusRequest$, UpdateAssociationStatusResult$, UpdateCloudConnector$, UpdateCloudConnectorCommand, UpdateCloudConnectorRequest$, UpdateCloudConnectorResult$, UpdateDocument$, UpdateDocumentCommand, UpdateDocumentDefaultVersion$, UpdateDocumentDefaultVersionCommand, UpdateDocumentDefaultVersionRequest$, UpdateDocumentDefaultVersionResult$, UpdateDocumentMetadata$, UpdateDocumentMetadataCommand, UpdateDocumentMetadataRequest$, UpdateDocumentMetadataResponse$, UpdateDocumentRequest$, UpdateDocumentResult$, UpdateMaintenanceWindow$, UpdateMaintenanceWindowCommand, UpdateMaintenanceWindowRequest$, UpdateMaintenanceWindowResult$, UpdateMaintenanceWindowTarget$, UpdateMaintenanceWindowTargetCommand, UpdateMaintenanceWindowTargetRequest$, UpdateMaintenanceWindowTargetResult$, UpdateMaintenanceWindowTask$, UpdateMaintenanceWindowTaskCommand, UpdateMaintenanceWindowTaskRequest$, UpdateMaintenanceWindowTaskResult$, UpdateManagedInstanceRole$, UpdateManagedInstanceRoleCommand, UpdateManagedInstanceRoleRequest$, UpdateManagedInstanceRoleResult$, UpdateOpsItem$, UpdateOpsItemCommand, UpdateOpsItemRequest$, UpdateOpsItemResponse$, UpdateOpsMetadata$, UpdateOpsMetadataCommand, UpdateOpsMetadataRequest$, UpdateOpsMetadataResult$, UpdatePatchBaseline$, UpdatePatchBaselineCommand, UpdatePatchBaselineRequest$, UpdatePatchBaselineResult$, UpdateResourceDataSync$, UpdateResourceDataSyncCommand, UpdateResourceDataSyncRequest$, UpdateResourceDataSyncResult$, UpdateServiceSetting$, UpdateServiceSettingCommand, UpdateServiceSettingRequest$, UpdateServiceSettingResult$, ValidateCloudConnector$, ValidateCloudConnectorCommand, ValidateCloudConnectorRequest$, ValidateCloudConnectorResult$, ValidationException, ValidationException$, ValidationFinding$, ValidationFindingCode, ValidationFindingScope$, ValidationFindingScopeType, ValidationFindingType, __Client, errorTypeRegistries, paginateDescribeActivations, paginateDescribeAssociationExecutionTargets, paginateDescribeAssociationExecutions, paginateDescribeAutomationExecutions, paginateDescribeAutomationStepExecutions, paginateDescribeAvailablePatches, paginateDescribeEffectiveInstanceAssociations, paginateDescribeEffectivePatchesForPatchBaseline, paginateDescribeInstanceAssociationsStatus, paginateDescribeInstanceInformation, paginateDescribeInstancePatchStates, paginateDescribeInstancePatchStatesForPatchGroup, paginateDescribeInstancePatches, paginateDescribeInstanceProperties, paginateDescribeInventoryDeletions, paginateDescribeMaintenanceWindowExecutionTaskInvocations, paginateDescribeMaintenanceWindowExecutionTasks, paginateDescribeMaintenanceWindowExecutions, paginateDescribeMaintenanceWindowSchedule, paginateDescribeMaintenanceWindowTargets, paginateDescribeMaintenanceWindowTasks, paginateDescribeMaintenanceWindows, paginateDescribeMaintenanceWindowsForTarget, paginateDescribeOpsItems, paginateDescribeParameters, paginateDescribePatchBaselines, paginateDescribePatchGroups, paginateDescribePatchProperties, paginateDescribeSessions, paginateGetInventory, paginateGetInventorySchema, paginateGetOpsSummary, paginateGetParameterHistory, paginateGetParametersByPath, paginateGetResourcePolicies, paginateListAssociationVersions, paginateListAssociations, paginateListCloudConnectors, paginateListCommandInvocations, paginateListCommands, paginateListComplianceItems, paginateListComplianceSummaries, paginateListDocumentVersions, paginateListDocuments, paginateListNodes, paginateListNodesSummary, paginateListOpsItemEvents, paginateListOpsItemRelatedItems, paginateListOpsMetadata, paginateListResourceComplianceSummaries, paginateListResourceDataSync, paginateValidateCloudConnector, waitForCommandExecuted, waitUntilCommandExecuted

// EXTERNAL MODULE: ./node_modules/@aws-sdk/core/dist-cjs/submodules/client/index.js
var client = __webpack_require__(5152);
// EXTERNAL MODULE: ./node_modules/@smithy/core/dist-cjs/index.js
var dist_cjs = __webpack_require__(402);
// EXTERNAL MODULE: ./node_modules/@smithy/core/dist-cjs/submodules/client/index.js
var submodules_client = __webpack_require__(2658);
// EXTERNAL MODULE: ./node_modules/@smithy/core/dist-cjs/submodules/config/index.js
var submodules_config = __webpack_require__(7291);
// EXTERNAL MODULE: ./node_modules/@smithy/core/dist-cjs/submodules/endpoints/index.js
var endpoints = __webpack_require__(2085);
// EXTERNAL MODULE: ./node_modules/@smithy/core/dist-cjs/submodules/protocols/index.js
var protocols = __webpack_require__(3422);
// EXTERNAL MODULE: ./node_modules/@smithy/core/dist-cjs/submodules/retry/index.js
var retry = __webpack_require__(3609);
// EXTERNAL MODULE: ./node_modules/@smithy/core/dist-cjs/submodules/schema/index.js
var schema = __webpack_require__(6890);
// EXTERNAL MODULE: ./node_modules/@aws-sdk/core/dist-cjs/submodules/httpAuthSchemes/index.js
var httpAuthSchemes = __webpack_require__(7523);
;// CONCATENATED MODULE: ./node_modules/@aws-sdk/client-ssm/dist-es/auth/httpAuthSchemeProvider.js


const defaultSSMHttpAuthSchemeParametersProvider = async (config, context, input) => {
    return {
        operation: (0,submodules_client.getSmithyContext)(context).operation,
        region: await (0,submodules_client.normalizeProvider)(config.region)() || (() => {
            throw new Error("expected `region` to be configured for `aws.auth#sigv4`");
        })(),
    };
};
function createAwsAuthSigv4HttpAuthOption(authParameters) {
    return {
        schemeId: "aws.auth#sigv4",
        signingProperties: {
            name: "ssm",
            region: authParameters.region,
        },
        propertiesExtractor: (config, context) => ({
            signingProperties: {
                config,
                context,
            },
        }),
    };
}
const defaultSSMHttpAuthSchemeProvider = (authParameters) => {
    const options = [];
    switch (authParameters.operation) {
        default: {
            options.push(createAwsAuthSigv4HttpAuthOption(authParameters));
        }
    }
    return options;
};
const resolveHttpAuthSchemeConfig = (config) => {
    const config_0 = (0,httpAuthSchemes.resolveAwsSdkSigV4Config)(config);
    return Object.assign(config_0, {
        authSchemePreference: (0,submodules_client.normalizeProvider)(config.authSchemePreference ?? []),
    });
};

// EXTERNAL MODULE: ./node_modules/@aws-sdk/client-ssm/dist-es/endpoint/EndpointParameters.js
var EndpointParameters = __webpack_require__(2805);
;// CONCATENATED MODULE: ./node_modules/@aws-sdk/client-ssm/package.json
const package_namespaceObject = {"rE":"3.1169.0"};
// EXTERNAL MODULE: ./node_modules/@aws-sdk/credential-provider-node/dist-es/defaultProvider.js + 2 modules
var defaultProvider = __webpack_require__(9882);
// EXTERNAL MODULE: ./node_modules/@smithy/core/dist-cjs/submodules/serde/index.js
var serde = __webpack_require__(2430);
// EXTERNAL MODULE: ./node_modules/@smithy/node-http-handler/dist-es/node-http-handler.js + 5 modules
var node_http_handler = __webpack_require__(3291);
// EXTERNAL MODULE: ./node_modules/@aws-sdk/core/dist-cjs/submodules/protocols/index.js
var submodules_protocols = __webpack_require__(7288);
// EXTERNAL MODULE: ./node_modules/@smithy/core/dist-cjs/submodules/checksum/index.js
var checksum = __webpack_require__(9542);
;// CONCATENATED MODULE: ./node_modules/@aws-sdk/client-ssm/dist-es/endpoint/bdd.js

const k = "ref";
const a = -1, b = true, c = "isSet", d = "PartitionResult", e = "booleanEquals", f = "getAttr", g = { [k]: "Endpoint" }, h = { [k]: d }, i = {}, j = [{ [k]: "Region" }];
const _data = {
    conditions: [
        [c, [g]],
        [c, j],
        ["aws.partition", j, d],
        [e, [{ [k]: "UseFIPS" }, b]],
        [e, [{ [k]: "UseDualStack" }, b]],
        [e, [{ fn: f, argv: [h, "supportsDualStack"] }, b]],
        [e, [{ fn: f, argv: [h, "supportsFIPS"] }, b]],
        ["stringEquals", [{ fn: f, argv: [h, "name"] }, "aws-us-gov"]]
    ],
    results: [
        [a],
        [a, "Invalid Configuration: FIPS and custom endpoint are not supported"],
        [a, "Invalid Configuration: Dualstack and custom endpoint are not supported"],
        [g, i],
        ["https://ssm-fips.{Region}.{PartitionResult#dualStackDnsSuffix}", i],
        [a, "FIPS and DualStack are enabled, but this partition does not support one or both"],
        ["https://ssm.{Region}.amazonaws.com", i],
        ["https://ssm-fips.{Region}.{PartitionResult#dnsSuffix}", i],
        [a, "FIPS is enabled but this partition does not support FIPS"],
        ["https://ssm.{Region}.{PartitionResult#dualStackDnsSuffix}", i],
        [a, "DualStack is enabled but this partition does not support DualStack"],
        ["https://ssm.{Region}.{PartitionResult#dnsSuffix}", i],
        [a, "Invalid Configuration: Missing Region"]
    ]
};
const root = 2;
const r = 100_000_000;
const nodes = new Int32Array([
    -1, 1, -1,
    0, 13, 3,
    1, 4, r + 12,
    2, 5, r + 12,
    3, 8, 6,
    4, 7, r + 11,
    5, r + 9, r + 10,
    4, 11, 9,
    6, 10, r + 8,
    7, r + 6, r + 7,
    5, 12, r + 5,
    6, r + 4, r + 5,
    3, r + 1, 14,
    4, r + 2, r + 3,
]);
const bdd = endpoints.BinaryDecisionDiagram.from(nodes, root, _data.conditions, _data.results);

;// CONCATENATED MODULE: ./node_modules/@aws-sdk/client-ssm/dist-es/endpoint/endpointResolver.js



const cache = new endpoints.EndpointCache({
    size: 50,
    params: ["Endpoint", "Region", "UseDualStack", "UseFIPS"],
});
const defaultEndpointResolver = (endpointParams, context = {}) => {
    return cache.get(endpointParams, () => (0,endpoints.decideEndpoint)(bdd, {
        endpointParams: endpointParams,
        logger: context.logger,
    }));
};
endpoints.customEndpointFunctions.aws = client.awsEndpointFunctions;

// EXTERNAL MODULE: ./node_modules/@aws-sdk/client-ssm/dist-es/schemas/schemas_0.js + 2 modules
var schemas_0 = __webpack_require__(9060);
;// CONCATENATED MODULE: ./node_modules/@aws-sdk/client-ssm/dist-es/runtimeConfig.shared.js









const getRuntimeConfig = (config) => {
    return {
        apiVersion: "2014-11-06",
        base64Decoder: config?.base64Decoder ?? serde.fromBase64,
        base64Encoder: config?.base64Encoder ?? serde.toBase64,
        disableHostPrefix: config?.disableHostPrefix ?? false,
        endpointProvider: config?.endpointProvider ?? defaultEndpointResolver,
        extensions: config?.extensions ?? [],
        httpAuthSchemeProvider: config?.httpAuthSchemeProvider ?? defaultSSMHttpAuthSchemeProvider,
        httpAuthSchemes: config?.httpAuthSchemes ?? [
            {
                schemeId: "aws.auth#sigv4",
                identityProvider: (ipc) => ipc.getIdentityProvider("aws.auth#sigv4"),
                signer: new httpAuthSchemes.AwsSdkSigV4Signer(),
            },
        ],
        logger: config?.logger ?? new submodules_client.NoOpLogger(),
        protocol: config?.protocol ?? submodules_protocols.AwsJson1_1Protocol,
        protocolSettings: config?.protocolSettings ?? {
            defaultNamespace: "com.amazonaws.ssm",
            errorTypeRegistries: schemas_0/* errorTypeRegistries */.q1U,
            xmlNamespace: "http://ssm.amazonaws.com/doc/2014-11-06/",
            version: "2014-11-06",
            serviceTarget: "AmazonSSM",
        },
        serviceId: config?.serviceId ?? "SSM",
        sha256: config?.sha256 ?? checksum.Sha256,
        urlParser: config?.urlParser ?? protocols.parseUrl,
        utf8Decoder: config?.utf8Decoder ?? serde.fromUtf8,
        utf8Encoder: config?.utf8Encoder ?? serde.toUtf8,
    };
};

;// CONCATENATED MODULE: ./node_modules/@aws-sdk/client-ssm/dist-es/runtimeConfig.js










const runtimeConfig_getRuntimeConfig = (config) => {
    (0,submodules_client.emitWarningIfUnsupportedVersion)(process.version);
    const defaultsMode = (0,submodules_config.resolveDefaultsModeConfig)(config);
    const defaultConfigProvider = () => defaultsMode().then(submodules_client.loadConfigsForDefaultMode);
    const clientSharedValues = getRuntimeConfig(config);
    (0,client.emitWarningIfUnsupportedVersion)(process.version);
    const loaderConfig = {
        profile: config?.profile,
        logger: clientSharedValues.logger,
    };
    return {
        ...clientSharedValues,
        ...config,
        runtime: "node",
        defaultsMode,
        authSchemePreference: config?.authSchemePreference ?? (0,submodules_config.loadConfig)(httpAuthSchemes.NODE_AUTH_SCHEME_PREFERENCE_OPTIONS, loaderConfig),
        bodyLengthChecker: config?.bodyLengthChecker ?? serde.calculateBodyLength,
        credentialDefaultProvider: config?.credentialDefaultProvider ?? defaultProvider/* defaultProvider */.v6,
        defaultSocketTimeout: (0,client.getDefaultSocketTimeout)(config?.requestHandler, 900_000),
        defaultUserAgentProvider: config?.defaultUserAgentProvider ?? (0,client.createDefaultUserAgentProvider)({ serviceId: clientSharedValues.serviceId, clientVersion: package_namespaceObject.rE }),
        maxAttempts: config?.maxAttempts ?? (0,submodules_config.loadConfig)(retry.NODE_MAX_ATTEMPT_CONFIG_OPTIONS, config),
        region: config?.region ?? (0,submodules_config.loadConfig)(submodules_config.NODE_REGION_CONFIG_OPTIONS, { ...submodules_config.NODE_REGION_CONFIG_FILE_OPTIONS, ...loaderConfig }),
        requestHandler: node_http_handler/* NodeHttpHandler */.$.create(config?.requestHandler ?? defaultConfigProvider),
        retryMode: config?.retryMode ??
            (0,submodules_config.loadConfig)({
                ...retry.NODE_RETRY_MODE_CONFIG_OPTIONS,
                default: async () => (await defaultConfigProvider()).retryMode || retry.DEFAULT_RETRY_MODE,
            }, config),
        streamCollector: config?.streamCollector ?? serde.streamCollector,
        useDualstackEndpoint: config?.useDualstackEndpoint ?? (0,submodules_config.loadConfig)(submodules_config.NODE_USE_DUALSTACK_ENDPOINT_CONFIG_OPTIONS, loaderConfig),
        useFipsEndpoint: config?.useFipsEndpoint ?? (0,submodules_config.loadConfig)(submodules_config.NODE_USE_FIPS_ENDPOINT_CONFIG_OPTIONS, loaderConfig),
        userAgentAppId: config?.userAgentAppId ?? (0,submodules_config.loadConfig)(client.NODE_APP_ID_CONFIG_OPTIONS, loaderConfig),
    };
};

;// CONCATENATED MODULE: ./node_modules/@aws-sdk/client-ssm/dist-es/auth/httpAuthExtensionConfiguration.js
const getHttpAuthExtensionConfiguration = (runtimeConfig) => {
    const _httpAuthSchemes = runtimeConfig.httpAuthSchemes;
    let _httpAuthSchemeProvider = runtimeConfig.httpAuthSchemeProvider;
    let _credentials = runtimeConfig.credentials;
    return {
        setHttpAuthScheme(httpAuthScheme) {
            const index = _httpAuthSchemes.findIndex((scheme) => scheme.schemeId === httpAuthScheme.schemeId);
            if (index === -1) {
                _httpAuthSchemes.push(httpAuthScheme);
            }
            else {
                _httpAuthSchemes.splice(index, 1, httpAuthScheme);
            }
        },
        httpAuthSchemes() {
            return _httpAuthSchemes;
        },
        setHttpAuthSchemeProvider(httpAuthSchemeProvider) {
            _httpAuthSchemeProvider = httpAuthSchemeProvider;
        },
        httpAuthSchemeProvider() {
            return _httpAuthSchemeProvider;
        },
        setCredentials(credentials) {
            _credentials = credentials;
        },
        credentials() {
            return _credentials;
        },
    };
};
const resolveHttpAuthRuntimeConfig = (config) => {
    return {
        httpAuthSchemes: config.httpAuthSchemes(),
        httpAuthSchemeProvider: config.httpAuthSchemeProvider(),
        credentials: config.credentials(),
    };
};

;// CONCATENATED MODULE: ./node_modules/@aws-sdk/client-ssm/dist-es/runtimeExtensions.js




const resolveRuntimeExtensions = (runtimeConfig, extensions) => {
    const extensionConfiguration = Object.assign((0,client.getAwsRegionExtensionConfiguration)(runtimeConfig), (0,submodules_client.getDefaultExtensionConfiguration)(runtimeConfig), (0,protocols.getHttpHandlerExtensionConfiguration)(runtimeConfig), getHttpAuthExtensionConfiguration(runtimeConfig));
    extensions.forEach((extension) => extension.configure(extensionConfiguration));
    return Object.assign(runtimeConfig, (0,client.resolveAwsRegionExtensionConfiguration)(extensionConfiguration), (0,submodules_client.resolveDefaultRuntimeConfig)(extensionConfiguration), (0,protocols.resolveHttpHandlerRuntimeConfig)(extensionConfiguration), resolveHttpAuthRuntimeConfig(extensionConfiguration));
};

;// CONCATENATED MODULE: ./node_modules/@aws-sdk/client-ssm/dist-es/SSMClient.js













class SSMClient extends submodules_client.Client {
    config;
    constructor(...[configuration]) {
        const _config_0 = runtimeConfig_getRuntimeConfig(configuration || {});
        super(_config_0);
        this.initConfig = _config_0;
        const _config_1 = (0,EndpointParameters/* resolveClientEndpointParameters */.v)(_config_0);
        const _config_2 = (0,client.resolveUserAgentConfig)(_config_1);
        const _config_3 = (0,retry.resolveRetryConfig)(_config_2);
        const _config_4 = (0,submodules_config.resolveRegionConfig)(_config_3);
        const _config_5 = (0,client.resolveHostHeaderConfig)(_config_4);
        const _config_6 = (0,endpoints.resolveEndpointConfig)(_config_5);
        const _config_7 = resolveHttpAuthSchemeConfig(_config_6);
        const _config_8 = resolveRuntimeExtensions(_config_7, configuration?.extensions || []);
        this.config = _config_8;
        this.middlewareStack.use((0,schema.getSchemaSerdePlugin)(this.config));
        this.middlewareStack.use((0,client.getUserAgentPlugin)(this.config));
        this.middlewareStack.use((0,retry.getRetryPlugin)(this.config));
        this.middlewareStack.use((0,protocols.getContentLengthPlugin)(this.config));
        this.middlewareStack.use((0,client.getHostHeaderPlugin)(this.config));
        this.middlewareStack.use((0,client.getLoggerPlugin)(this.config));
        this.middlewareStack.use((0,client.getRecursionDetectionPlugin)(this.config));
        this.middlewareStack.use((0,dist_cjs.getHttpAuthSchemeEndpointRuleSetPlugin)(this.config, {
            httpAuthSchemeParametersProvider: defaultSSMHttpAuthSchemeParametersProvider,
            identityProviderConfigProvider: async (config) => new dist_cjs.DefaultIdentityProviderConfig({
                "aws.auth#sigv4": config.credentials,
            }),
        }));
        this.middlewareStack.use((0,dist_cjs.getHttpSigningPlugin)(this.config));
    }
    destroy() {
        super.destroy();
    }
}

// EXTERNAL MODULE: ./node_modules/@aws-sdk/client-ssm/dist-es/commandBuilder.js
var commandBuilder = __webpack_require__(6896);
;// CONCATENATED MODULE: ./node_modules/@aws-sdk/client-ssm/dist-es/commands/DeleteParameterCommand.js


class DeleteParameterCommand extends (0,commandBuilder/* command */.G5)(commandBuilder/* _ep0 */.lq, commandBuilder/* _mw0 */.yt, "DeleteParameter", schemas_0/* DeleteParameter$ */.JLh) {
}

;// CONCATENATED MODULE: ./node_modules/@aws-sdk/client-ssm/dist-es/commands/GetParameterCommand.js


class GetParameterCommand extends (0,commandBuilder/* command */.G5)(commandBuilder/* _ep0 */.lq, commandBuilder/* _mw0 */.yt, "GetParameter", schemas_0/* GetParameter$ */.unS) {
}

;// CONCATENATED MODULE: ./node_modules/@aws-sdk/client-ssm/dist-es/commands/GetParameterHistoryCommand.js


class GetParameterHistoryCommand extends (0,commandBuilder/* command */.G5)(commandBuilder/* _ep0 */.lq, commandBuilder/* _mw0 */.yt, "GetParameterHistory", schemas_0/* GetParameterHistory$ */.S1c) {
}

// EXTERNAL MODULE: ./node_modules/@aws-sdk/client-ssm/dist-es/commands/GetParametersCommand.js
var GetParametersCommand = __webpack_require__(5848);
;// CONCATENATED MODULE: ./node_modules/@aws-sdk/client-ssm/dist-es/commands/PutParameterCommand.js


class PutParameterCommand extends (0,commandBuilder/* command */.G5)(commandBuilder/* _ep0 */.lq, commandBuilder/* _mw0 */.yt, "PutParameter", schemas_0/* PutParameter$ */.t7P) {
}

;// CONCATENATED MODULE: ./node_modules/@aws-sdk/client-ssm/dist-es/commands/index.js



























































































































































;// CONCATENATED MODULE: ./node_modules/@aws-sdk/client-ssm/dist-es/index.js














/***/ })

};
